//! Mean absolute percentage error.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean_error};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "mape",
    tasks: &[Task::Regression, Task::Quantile],
    larger_is_better: false,
    usual: Some(&[]),
    value,
};

/// The mean absolute error as a share of the value; values closer to zero than numbers can be told apart count as that.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    mean_error(judged, weights, |predicted, actual| (predicted - actual).abs() / actual.abs().max(f64::EPSILON))
}
