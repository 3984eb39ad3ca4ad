//! Precision of the first candidates.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, first, mean_of_groups, mean_of_ranks};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "precision_at",
    tasks: &[Task::Ranking, Task::Retrieval],
    larger_is_better: true,
    usual: None,
    value,
};

/// The share of relevant rows among the first `k`, the mean over groups; of a retrieval, a row's own candidate is the relevant
/// one.
#[expect(clippy::cast_precision_loss, reason = "groups are small")]
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let k = first(metric);
    if judged.task == Task::Retrieval {
        return mean_of_ranks(judged, weights, k, |_| 1.0 / k as f64);
    }
    let positive = judged.positive()?;
    mean_of_groups(judged, weights, |group| {
        let hits = group.iter().take(k).filter(|&&row| positive(row as usize)).count();
        Some(hits as f64 / k as f64)
    })
}
