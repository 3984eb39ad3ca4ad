//! The Brier score.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "brier", tasks: &[Task::Binary], larger_is_better: false, usual: Some(&[]), value };

/// The mean squared error of the probability (Brier, 1950).
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let positive = judged.positive()?;
    mean(judged, weights, |row| (judged.predictions[row] - f64::from(u8::from(positive(row)))).powi(2))
}
