//! `cyclic`: instants as points on circles, a day, a week and a year long, so that midnight is close to midnight.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use serde::{Deserialize, Serialize};

use super::values::Numbers;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form, share};

const DAY: f64 = 86_400e6;

/// The lengths of the circles in microseconds; the year is the mean one of the Gregorian calendar.
const CIRCLES: [f64; 3] = [DAY, 7.0 * DAY, 365.2425 * DAY];

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Cyclic {
    missing: f64,
}

impl Fitted for Cyclic {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let present = Numbers::of(fit.column)?.present(fit.rows).len();
        Ok(Cyclic { missing: share(fit.rows.len() - present, fit.rows.len()) })
    }
}

impl Encoder for Cyclic {
    fn form(&self) -> Form<'_> {
        Form::Numbers(2 * CIRCLES.len(), self)
    }

    fn describe(&self) -> String {
        "cyclic(day, week, year)".to_owned()
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<f32> for Cyclic {
    /// A missing instant is in the middle of all circles.
    #[expect(clippy::cast_possible_truncation, reason = "networks compute in single precision")]
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        let unit = if matches!(column.data_type(), DataType::Date32) { DAY } else { 1.0 };
        let instants = Numbers::of(column)?;
        Ok(Box::new(move |rows, cells| {
            instants.each(rows, |row, value| {
                for (circle, length) in CIRCLES.into_iter().enumerate() {
                    let angle = value.map(|value| (value * unit).rem_euclid(length) / length * std::f64::consts::TAU);
                    cells.put(row, 2 * circle, angle.map_or(0.0, f64::sin) as f32);
                    cells.put(row, 2 * circle + 1, angle.map_or(0.0, f64::cos) as f32);
                }
            });
        }))
    }
}
