//! The coefficient of determination.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "r2", tasks: &[Task::Regression], larger_is_better: true, usual: Some(&[]), value };

/// The share of the variance that is explained; none where there is no variance.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let (numbers, point) = (judged.numbers()?, judged.point());
    let middle = mean(judged, weights, |row| numbers[row])?;
    let variance = mean(judged, weights, |row| (numbers[row] - middle).powi(2))?;
    let rest = mean(judged, weights, |row| (numbers[row] - point(row)).powi(2))?;
    (variance > 0.0).then(|| 1.0 - rest / variance)
}
