//! `raw`: numbers as they are. Without `impute` a missing value stays missing, which trees know what to do with.

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};

use super::filling::Filling;
use super::values::Numbers;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form, share};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Raw {
    /// None where missing values stay missing: NaN.
    filling: Option<Filling>,
    missing: f64,
}

impl Fitted for Raw {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let mut present = Numbers::of(fit.column)?.present(fit.rows);
        let missing = share(fit.rows.len() - present.len(), fit.rows.len());
        // Whoever asks for this encoder by its name, for a network, needs values that are numbers.
        let fills = fit.impute.is_some() && fit.input.encoder.is_some();
        let filling = fills.then(|| Filling::of(fit, &mut present));
        Ok(Raw { filling, missing })
    }
}

impl Encoder for Raw {
    fn form(&self) -> Form<'_> {
        Form::Numbers(self.filling.as_ref().map_or(1, Filling::width), self)
    }

    fn describe(&self) -> String {
        format!("as it is{}", self.filling.as_ref().map_or(", missing values stay missing", Filling::describe))
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<f32> for Raw {
    #[expect(clippy::cast_possible_truncation, reason = "models compute in single precision")]
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        if let Some(filling) = &self.filling {
            return filling.fills(column, |value| value);
        }
        let numbers = Numbers::of(column)?;
        Ok(Box::new(move |rows, cells| {
            numbers.each(rows, |row, value| cells.put(row, 0, value.map_or(f32::NAN, |value| value as f32)));
        }))
    }
}
