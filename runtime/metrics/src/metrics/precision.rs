//! Precision.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, confusion};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "precision", tasks: &[Task::Binary], larger_is_better: true, usual: None, value };

/// The share of positives among those that are predicted; zero where none is.
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let (hits, alarms, _) = confusion(judged, weights, metric.float("threshold").unwrap_or(0.5))?;
    Some(if hits + alarms > 0.0 { hits / (hits + alarms) } else { 0.0 })
}
