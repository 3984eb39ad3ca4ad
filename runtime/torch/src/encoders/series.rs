//! `series`: lists of numbers, brought to mean 0 and standard deviation 1 of all numbers in the training part's lists.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Float64Type};
use serde::{Deserialize, Serialize};

use super::filling::spread;
use super::values::{items, last_of, lists, longest};
use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Series {
    mean: f64,
    deviation: f64,
    /// How many numbers of a list count: its last ones.
    length: usize,
    missing: f64,
}

impl Fitted for Series {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let lists = lists(fit.column, DataType::Float64)?;
        let numbers = lists.values().as_primitive::<Float64Type>();
        let most = fit.count("most").unwrap_or(128);
        let present: Vec<f64> = items(&lists, fit.rows, most)
            .filter(|&item| numbers.is_valid(item))
            .map(|item| numbers.value(item))
            .filter(|number| number.is_finite())
            .collect();
        let (mean, deviation) = spread(&present);
        Ok(Series { mean, deviation, length: longest(&lists, fit.rows, most), missing: fit.missing() })
    }
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
