//! Recall of the first candidates.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, first, mean_of_groups, mean_of_ranks};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "recall", tasks: &[Task::Retrieval, Task::Ranking], larger_is_better: true, usual: None, value };

/// The share of a group's relevant rows that are among its first `k`, the mean over groups in which something is relevant; of a
/// retrieval, the share of rows whose own candidate is among the first `k`.
#[expect(clippy::cast_precision_loss, reason = "groups are small")]
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let k = first(metric);
    if judged.task == Task::Retrieval {
        return mean_of_ranks(judged, weights, k, |_| 1.0);
    }
    let positive = judged.positive()?;
    mean_of_groups(judged, weights, |group| {
        let hits = |rows: &[u32]| rows.iter().filter(|&&row| positive(row as usize)).count();
        let all = hits(group);
        (all > 0).then(|| hits(&group[..k.min(group.len())]) as f64 / all as f64)
    })
}
