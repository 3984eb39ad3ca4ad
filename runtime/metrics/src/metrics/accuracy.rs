//! Accuracy.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean};
use crate::answers::most_probable;
use crate::judged::{Judged, Truth};

pub(super) const METRIC: Definition = Definition {
    name: "accuracy",
    tasks: &[Task::Binary, Task::Multiclass],
    larger_is_better: true,
    usual: Some(&[]),
    value,
};

/// The share of rows whose class is right: of truth values at a threshold of one half, otherwise the most probable one.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    if let Truth::Classes { labels, .. } = judged.truth {
        let is_right = |row: usize| most_probable(judged.row(row)) == labels[row] as usize;
        return mean(judged, weights, |row| f64::from(u8::from(is_right(row))));
    }
    let positive = judged.positive()?;
    mean(judged, weights, |row| f64::from(u8::from((judged.predictions[row] >= 0.5) == positive(row))))
}
