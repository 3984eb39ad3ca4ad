//! `vector`: vectors as they are; a missing one is all zeros.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type};
use mlsys_plan::Type;
use serde::{Deserialize, Serialize};

use super::values::{length, lists};
use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Vector {
    length: usize,
    missing: f64,
}

impl Fitted for Vector {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let Type::Vector(length) = fit.input.ty.ty else {
            return Err(format!("it is a {}, expected a vector", fit.input.ty.ty));
        };
        let length = usize::try_from(length).unwrap_or_default();
        Ok(Vector { length, missing: fit.missing() })
    }
}

impl Encoder for Vector {
    fn form(&self) -> Form<'_> {
        Form::Numbers(self.length, self)
    }

    fn describe(&self) -> String {
        format!("vector of {} as it is", self.length)
    }

    fn missing(&self) -> f64 {
        self.missing
    }
}

impl Fills<f32> for Vector {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        let vectors = lists(column, DataType::Float32)?;
        let numbers = cast(vectors.values(), &DataType::Float32).map_err(|error| error.to_string())?;
        let numbers = numbers.as_primitive::<Float32Type>().clone();
        Ok(Box::new(move |rows, cells| {
            for (at, &row) in rows.iter().enumerate() {
                let there = if vectors.is_valid(row) { length(&vectors, row).min(self.length) } else { 0 };
                let start = usize::try_from(vectors.value_offsets()[row]).unwrap_or_default();
                for place in 0..self.length {
                    let value = if place < there { numbers.value(start + place) } else { 0.0 };
                    cells.put(at, place, if value.is_finite() { value } else { 0.0 });
                }
            }
        }))
    }
}
