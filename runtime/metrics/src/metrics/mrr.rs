//! The mean reciprocal rank.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean_of_groups, mean_of_ranks};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "mrr",
    tasks: &[Task::Ranking, Task::Retrieval],
    larger_is_better: true,
    usual: Some(&[]),
    value,
};

/// One divided by the rank of the first relevant row of a group, the mean over groups in which something is relevant (Voorhees,
/// 1999); of a retrieval, by the rank of a row's own candidate.
fn value(judged: &Judged<'_>, _metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    if judged.task == Task::Retrieval {
        return mean_of_ranks(judged, weights, usize::MAX, reciprocal);
    }
    let positive = judged.positive()?;
    mean_of_groups(judged, weights, |group| group.iter().position(|&row| positive(row as usize)).map(reciprocal))
}

/// Of a rank, from 0.
#[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^52")]
fn reciprocal(rank: usize) -> f64 {
    1.0 / (rank as f64 + 1.0)
}
