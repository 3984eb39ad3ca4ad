//! The coefficient of determination.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean, mean_error};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "r2", tasks: &[Task::Regression], larger_is_better: true, usual: Some(&[]), value };

/// The share of the variance that is explained; none where there is no variance.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let numbers = judged.numbers()?;
    let middle = mean(judged, weights, |row| numbers[row])?;
    let variance = mean(judged, weights, |row| (numbers[row] - middle).powi(2))?;
    let rest = mean_error(judged, weights, |predicted, actual| (actual - predicted).powi(2))?;
    (variance > 0.0).then(|| 1.0 - rest / variance)
}
