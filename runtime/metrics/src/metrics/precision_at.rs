//! Precision of the first candidates.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, first, mean_of_groups};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "precision_at",
    tasks: &[Task::Ranking, Task::Retrieval],
    larger_is_better: true,
    usual: None,
    value,
};

/// The share of relevant rows among the first `k`, the mean over groups.
#[expect(clippy::cast_precision_loss, reason = "groups are small")]
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let (positive, k) = (judged.positive()?, first(metric));
    mean_of_groups(judged, weights, |group| {
        let hits = group.iter().take(k).filter(|&&row| positive(row as usize)).count();
        Some(hits as f64 / k as f64)
    })
}
