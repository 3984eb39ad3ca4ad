//! `standard`: numbers, missing ones filled, then brought to mean 0 and standard deviation 1 of the training part.

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};

use super::filling::{Filling, spread};
use super::values::Numbers;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Standard {
    filling: Filling,
    mean: f64,
    deviation: f64,
}

impl Fitted for Standard {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let mut present = Numbers::of(fit.column)?.present(fit.rows);
        let missing = fit.rows.len() - present.len();
        let filling = Filling::of(fit, &mut present);
        present.extend(std::iter::repeat_n(filling.fill, missing));
        let (mean, deviation) = spread(&present);
        Ok(Standard { filling, mean, deviation })
    }
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
}

impl Fills<f32> for Standard {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        self.filling.fills(column, |value| (value - self.mean) / self.deviation)
    }
}
