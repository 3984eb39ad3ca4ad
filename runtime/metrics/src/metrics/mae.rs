//! Mean absolute error.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean};
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
    let (numbers, point) = (judged.numbers()?, judged.point());
    mean(judged, weights, |row| (point(row) - numbers[row]).abs())
}
