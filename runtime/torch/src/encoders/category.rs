//! Categories: the values seen in training, each with a learnt embedding, and buckets for unknown and for missing ones.

use std::collections::{BTreeMap, HashMap};

use arrow::array::Array;
use mlsys_plan::ModelInput;
use mlsys_training::InputReport;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::examples::Examples;

/// The index of values that training did not see.
const UNKNOWN: i64 = 0;

/// The index of missing values.
const MISSING: i64 = 1;

/// How many indices are taken before the first value.
const RESERVED: usize = 2;

/// The most values that get an embedding of their own; rarer ones share the bucket for unknown values.
const MAX_VALUES: usize = 100_000;

/// A fitted category encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Category {
    input: String,
    /// Values in the order of their indices, from two on.
    values: Vec<String>,
    missing: f64,
}

impl Category {
    pub(super) fn fit(input: &ModelInput, examples: &Examples, rows: &[usize]) -> Result<Self, TrainError> {
        let column = examples.texts(&input.name)?;
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let mut missing = 0_usize;
        for &row in rows {
            if column.is_valid(row) {
                *counts.entry(column.value(row)).or_default() += 1;
            } else {
                missing += 1;
            }
        }
        let mut values: Vec<(&str, usize)> = counts.into_iter().collect();
        // Frequent values first, equally frequent ones by their text: the same rows give the same indices.
        values.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
        values.truncate(MAX_VALUES);
        #[expect(clippy::cast_precision_loss, reason = "a share for the report")]
        let missing = missing as f64 / rows.len().max(1) as f64;
        Ok(Category {
            input: input.name.clone(),
            values: values.into_iter().map(|(value, _)| value.to_owned()).collect(),
            missing,
        })
    }

    /// How many embeddings there are.
    pub(crate) fn size(&self) -> usize {
        self.values.len() + RESERVED
    }

    /// How wide the embeddings are: `1.6 n^0.56`, at most 64, the rule of thumb of fastai's tabular learner.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive number"
    )]
    pub(crate) fn width(&self) -> usize {
        ((1.6 * (self.size() as f64).powf(0.56)).round() as usize).clamp(1, 64)
    }

    pub(super) fn encode(
        &self,
        examples: &Examples,
        rows: &[usize],
        out: &mut [i64],
        at: usize,
        stride: usize,
    ) -> Result<(), TrainError> {
        let column = examples.texts(&self.input)?;
        let indices: HashMap<&str, i64> =
            self.values.iter().map(String::as_str).zip(i64::try_from(RESERVED).unwrap_or_default()..).collect();
        for (index, &row) in rows.iter().enumerate() {
            out[index * stride + at] =
                if column.is_valid(row) { indices.get(column.value(row)).copied().unwrap_or(UNKNOWN) } else { MISSING };
        }
        Ok(())
    }

    pub(super) fn report(&self) -> InputReport {
        InputReport {
            name: self.input.clone(),
            encoder: format!("embedding({} values -> {})", self.values.len(), self.width()),
            missing: self.missing,
        }
    }
}
