//! Mean absolute error.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean_error};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "mae",
    tasks: &[Task::Regression, Task::Quantile],
    larger_is_better: false,
    usual: Some(&[]),
    value,
};

/// The mean absolute error.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    mean_error(judged, weights, |predicted, actual| (predicted - actual).abs())
}
