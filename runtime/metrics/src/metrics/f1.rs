//! The F1 score.

use mlsys_plan::{Call, Task};

use super::{Definition, Number, Weights, confusion};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "f1",
    tasks: &[Task::Binary],
    larger_is_better: true,
    usual: Some(&[("threshold", Number::Float(0.5))]),
    value,
};

/// The harmonic mean of precision and recall; zero where nothing is right.
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let (hits, alarms, misses) = confusion(judged, weights, metric.float("threshold").unwrap_or(0.5))?;
    let all = 2.0 * hits + alarms + misses;
    Some(if all > 0.0 { 2.0 * hits / all } else { 0.0 })
}
