//! Root mean squared error.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean_error};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "rmse",
    tasks: &[Task::Regression, Task::Quantile],
    larger_is_better: false,
    usual: Some(&[]),
    value,
};

/// The square root of the mean squared error.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    mean_error(judged, weights, |predicted, actual| (predicted - actual).powi(2)).map(f64::sqrt)
}
