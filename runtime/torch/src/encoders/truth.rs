//! `truth`: truth values as 1 and -1, missing ones as 0, with a further number that says so where that was asked for.

use arrow::array::{Array, ArrayRef, AsArray};
use serde::{Deserialize, Serialize};

use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Truth {
    indicator: bool,
    missing: f64,
}

impl Fitted for Truth {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        Ok(Truth { indicator: fit.indicator(), missing: fit.missing() })
    }
}

impl Encoder for Truth {
    fn form(&self) -> Form<'_> {
        Form::Numbers(1 + usize::from(self.indicator), self)
    }

    fn describe(&self) -> String {
        format!("truth{}", if self.indicator { " with indicator" } else { "" })
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<f32> for Truth {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        let Some(truths) = column.as_boolean_opt().cloned() else {
            return Err(format!("it holds {}, expected truth values", column.data_type()));
        };
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let value = if truths.is_null(row) { 0.0 } else { f32::from(u8::from(truths.value(row))) * 2.0 - 1.0 };
                cells.put(at, 0, value);
                if self.indicator {
                    cells.put(at, 1, f32::from(u8::from(truths.is_null(row))));
                }
            }
        }))
    }
}
