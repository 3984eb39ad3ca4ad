//! `range`: numbers, missing ones filled, brought between 0 and 1 by the smallest and largest of the training part.

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};

use super::filling::Filling;
use super::values::Numbers;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Range {
    filling: Filling,
    low: f64,
    high: f64,
}

impl Fitted for Range {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let mut present = Numbers::of(fit.column)?.present(fit.rows);
        let filling = Filling::of(fit, &mut present);
        let low = present.iter().copied().fold(f64::INFINITY, f64::min);
        let high = present.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let (low, high) = if low < high { (low, high) } else { (filling.fill, filling.fill + 1.0) };
        Ok(Range { filling, low, high })
    }
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
}

impl Fills<f32> for Range {
    /// Values beyond those of the training part lie beyond 0 and 1.
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        self.filling.fills(column, |value| (value - self.low) / (self.high - self.low))
    }
}
