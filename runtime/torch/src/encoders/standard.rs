//! `standard`: numbers, missing ones filled, then brought to mean 0 and standard deviation 1 of the training part.

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::filling::{Filling, count, mean, sum};
use super::values::Numbers;
use super::{Encoder, Fill, Fills, Fit, Form, state};

#[derive(Debug, Serialize, Deserialize)]
struct Standard {
    filling: Filling,
    mean: f64,
    deviation: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let mut present = Numbers::of(fit.column)?.present(fit.rows);
    let missing = fit.rows.len() - present.len();
    let filling = Filling::of(fit, &mut present);
    present.extend(std::iter::repeat_n(filling.fill, missing));
    let mean = mean(&present);
    let variance = sum(present.iter().map(|value| (value - mean).powi(2))) / count(present.len());
    let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
    Ok(Box::new(Standard { filling, mean, deviation }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<Standard>(fitted)?))
}

impl Encoder for Standard {
    fn form(&self) -> Form<'_> {
        Form::Numbers(self.filling.width(), self)
    }

    fn describe(&self) -> String {
        let indicator = self.filling.describe();
        format!("standardise(mean {:.4}, deviation {:.4}){indicator}", self.mean, self.deviation)
    }

    fn missing(&self) -> f64 {
        self.filling.missing
    }

    fn state(&self) -> Value {
        state(self)
    }
}

impl Fills<f32> for Standard {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        self.filling.fills(column, |value| (value - self.mean) / self.deviation)
    }
}
