//! `range`: numbers, missing ones filled, brought between 0 and 1 by the smallest and largest of the training part.

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filling::Filling;
use super::values::Numbers;
use super::{Encoder, Fill, Fills, Fit, Form, state};

#[derive(Debug, Serialize, Deserialize)]
struct Range {
    filling: Filling,
    low: f64,
    high: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let mut present = Numbers::of(fit.column)?.present(fit.rows);
    let filling = Filling::of(fit, &mut present);
    let low = present.iter().copied().fold(f64::INFINITY, f64::min);
    let high = present.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let (low, high) = if low < high { (low, high) } else { (filling.fill, filling.fill + 1.0) };
    Ok(Box::new(Range { filling, low, high }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<Range>(fitted)?))
}

impl Encoder for Range {
    fn form(&self) -> Form<'_> {
        Form::Numbers(self.filling.width(), self)
    }

    fn describe(&self) -> String {
        format!("range({:.4} to {:.4}){}", self.low, self.high, self.filling.describe())
    }

    fn missing(&self) -> f64 {
        self.filling.missing
    }

    fn state(&self) -> Value {
        state(self)
    }
}

impl Fills<f32> for Range {
    /// Values beyond those of the training part lie beyond 0 and 1.
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        self.filling.fills(column, |value| (value - self.low) / (self.high - self.low))
    }
}
