//! The hit rate of the first candidates.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, first, mean_of_groups, mean_of_ranks};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "hit_rate",
    tasks: &[Task::Ranking, Task::Retrieval],
    larger_is_better: true,
    usual: None,
    value,
};

/// The share of groups of whose first `k` rows one is relevant, among those in which something is; of a retrieval, the share of
/// rows whose own candidate is among the first `k`.
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let k = first(metric);
    if judged.task == Task::Retrieval {
        return mean_of_ranks(judged, weights, k, |_| 1.0);
    }
    let positive = judged.positive()?;
    mean_of_groups(judged, weights, |group| {
        let found = group.iter().position(|&row| positive(row as usize))?;
        Some(f64::from(u8::from(found < k)))
    })
}
