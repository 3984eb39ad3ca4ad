//! `truth`: truth values as 1 and -1, missing ones as 0, with a further number that says so where that was asked for.

use arrow::array::{Array, ArrayRef, AsArray};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Encoder, Fill, Fills, Fit, Form, share, state};

#[derive(Debug, Serialize, Deserialize)]
struct Truth {
    indicator: bool,
    missing: f64,
}

pub(super) fn fit(fit: &Fit<'_>) -> Result<Box<dyn Encoder>, String> {
    let missing = fit.rows.iter().filter(|&&row| fit.column.is_null(row)).count();
    let indicator = fit.input.ty.nullable && fit.impute.is_some_and(|impute| impute.indicator);
    Ok(Box::new(Truth { indicator, missing: share(missing, fit.rows.len()) }))
}

pub(super) fn read(fitted: Value) -> Result<Box<dyn Encoder>, serde_json::Error> {
    Ok(Box::new(serde_json::from_value::<Truth>(fitted)?))
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

    fn state(&self) -> Value {
        state(self)
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
