//! A fallback that is always the same number.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, new_null_array};
use async_trait::async_trait;
use mlsys_plan::{Field, Type};
use mlsys_rows::{arrow_schema, arrow_type};

use crate::scorer::{ScoreError, Scored, Scorer, Version};
use crate::served::SetupError;

/// Answers every row with one number as the first output; the other outputs are missing.
pub(crate) struct Constant {
    number: f64,
    version: Version,
    outputs: Vec<Field>,
}

impl Constant {
    /// A fallback in place of a scorer with these outputs.
    pub(crate) fn new(number: f64, version: Version, outputs: &[Field]) -> Result<Self, SetupError> {
        let constant = Constant { number, version, outputs: outputs.to_vec() };
        match outputs.first() {
            Some(first) if constant.column(&first.ty.ty, 0).is_some() => Ok(constant),
            first => Err(SetupError::Fallback {
                number: number.to_string(),
                ty: first.map_or_else(|| "nothing".to_owned(), |field| field.ty.to_string()),
            }),
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "whole numbers in range are cast, and floats are rounded")]
    fn column(&self, ty: &Type, rows: usize) -> Option<ArrayRef> {
        let whole = self.number.fract() == 0.0;
        match ty {
            Type::Float64 => Some(Arc::new(Float64Array::from(vec![self.number; rows]))),
            Type::Float32 => Some(Arc::new(Float32Array::from(vec![self.number as f32; rows]))),
            Type::Int64 if whole && self.number.abs() < 9e18 => {
                Some(Arc::new(Int64Array::from(vec![self.number as i64; rows])))
            }
            Type::Int32 if whole && self.number.abs() < 2e9 => {
                Some(Arc::new(Int32Array::from(vec![self.number as i32; rows])))
            }
            _ => None,
        }
    }
}

#[async_trait]
impl Scorer for Constant {
    fn version(&self) -> &Version {
        &self.version
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    async fn score(&self, rows: RecordBatch, _now: i64) -> Result<Scored, ScoreError> {
        let count = rows.num_rows();
        let columns = self.outputs.iter().enumerate().map(|(index, field)| {
            let number = if index == 0 { self.column(&field.ty.ty, count) } else { None };
            number.unwrap_or_else(|| new_null_array(&arrow_type(&field.ty.ty), count))
        });
        let predictions = RecordBatch::try_new(arrow_schema(&self.outputs), columns.collect());
        let predictions = predictions.map_err(|error| ScoreError::Failed(error.to_string()))?;
        Ok(Scored { predictions, failed: Vec::new(), features: None })
    }
}
