//! Normalised discounted cumulative gain.

use mlsys_plan::{Call, Task};

use super::{Definition, Number, Weights, first, mean_of_groups, mean_of_ranks};
use crate::judged::Judged;
use crate::order::tied;

pub(super) const METRIC: Definition = Definition {
    name: "ndcg",
    tasks: &[Task::Ranking, Task::Retrieval],
    larger_is_better: true,
    usual: Some(&[("k", Number::Int(10))]),
    value,
};

/// Gains of the first `k`, discounted by the logarithm of their rank, as a share of the best that they could be (Järvelin
/// and Kekäläinen, 2002), the mean over groups in which something is relevant. Rows of one prediction share their gain
/// (McSherry and Najork, 2008). None where a grade is below zero, as no share is then best.
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let k = first(metric);
    if judged.task == Task::Retrieval {
        // The best is the own candidate at the first rank, which is discounted by nothing.
        return mean_of_ranks(judged, weights, k, discount);
    }
    let grades = judged.numbers()?;
    if grades.iter().any(|grade| *grade < 0.0) {
        return None;
    }
    mean_of_groups(judged, weights, |group| {
        let mut best: Vec<f64> = group.iter().map(|&row| grades[row as usize]).collect();
        best.sort_by(|left, right| right.total_cmp(left));
        let ideal: f64 = best.iter().take(k).enumerate().map(|(rank, grade)| grade * discount(rank)).sum();
        let (mut gain, mut rank) = (0.0, 0);
        for run in tied(group, judged.predictions) {
            let discounts: f64 = (rank..(rank + run.len()).min(k.max(rank))).map(discount).sum();
            let mean = run.iter().map(|&row| grades[row as usize]).sum::<f64>() / run.iter().map(|_| 1.0).sum::<f64>();
            gain += mean * discounts;
            rank += run.len();
        }
        (ideal > 0.0).then(|| gain / ideal)
    })
}

/// The discount of a rank, from 0.
#[expect(clippy::cast_precision_loss, reason = "ranks are small")]
fn discount(rank: usize) -> f64 {
    1.0 / (rank as f64 + 2.0).log2()
}
