//! `series`: lists of numbers, brought to mean 0 and standard deviation 1 of all numbers in the training part's lists.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filling::{count, mean, sum};
use super::values::{last_of, lists, longest};
use super::vocabulary::counted;
use super::{Encoder, Fill, Fills, Fit, Form, share, state};

#[derive(Debug, Serialize, Deserialize)]
struct Series {
    mean: f64,
    deviation: f64,
    /// How many numbers of a list count: its last ones.
    length: usize,
    missing: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let lists = lists(fit.column, DataType::Float64)?;
    let numbers = lists.values().as_primitive::<Float64Type>();
    let most = counted(fit.call, "most").unwrap_or(128);
    let missing = fit.rows.iter().filter(|&&row| lists.is_null(row)).count();
    let items = fit.rows.iter().flat_map(|&row| {
        let (start, count) = last_of(&lists, row, most);
        start..start + count
    });
    let present: Vec<f64> = items
        .filter(|&item| numbers.is_valid(item))
        .map(|item| numbers.value(item))
        .filter(|number| number.is_finite())
        .collect();
    let mean = mean(&present);
    let variance = sum(present.iter().map(|value| (value - mean).powi(2))) / count(present.len());
    Ok(Box::new(Series {
        mean,
        deviation: if variance > 0.0 { variance.sqrt() } else { 1.0 },
        length: longest(&lists, fit.rows, most),
        missing: share(missing, fit.rows.len()),
    }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<Series>(fitted)?))
}

impl Encoder for Series {
    fn form(&self) -> Form<'_> {
        Form::Series(self.length, self)
    }

    fn describe(&self) -> String {
        format!("series(mean {:.4}, deviation {:.4}, {} at most)", self.mean, self.deviation, self.length)
    }

    fn missing(&self) -> f64 {
        self.missing
    }

    fn state(&self) -> Value {
        state(self)
    }
}

impl Fills<f32> for Series {
    #[expect(clippy::cast_possible_truncation, reason = "networks compute in single precision")]
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        let lists = lists(column, DataType::Float64)?;
        let numbers = lists.values().as_primitive::<Float64Type>().clone();
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let (start, count) = last_of(&lists, row, self.length);
                let before = self.length - count;
                (0..before).for_each(|place| cells.put(at, place, f32::NAN));
                for item in 0..count {
                    let there = numbers.is_valid(start + item) && numbers.value(start + item).is_finite();
                    // A number that is missing within a list is the mean.
                    let value = if there { (numbers.value(start + item) - self.mean) / self.deviation } else { 0.0 };
                    cells.put(at, before + item, value as f32);
                }
            }
        }))
    }
}
