//! Log loss.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean};
use crate::judged::{Judged, Truth};

pub(super) const METRIC: Definition = Definition {
    name: "log_loss",
    tasks: &[Task::Binary, Task::Multiclass, Task::Ranking],
    larger_is_better: false,
    usual: Some(&[]),
    value,
};

/// The mean negative log likelihood. Probabilities stay so far from 0 and 1 as numbers of their type can, as
/// scikit-learn's do. A class that is never predicted has that smallest probability.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let log = |probability: f64| probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln();
    if let Truth::Classes { labels, .. } = judged.truth {
        let own = |row: usize| judged.row(row).get(labels[row] as usize).copied().unwrap_or(0.0);
        return mean(judged, weights, |row| -log(own(row)));
    }
    let positive = judged.positive()?;
    // A score that is no probability has no likelihood.
    if judged.predictions.iter().any(|probability| !(0.0..=1.0).contains(probability)) {
        return None;
    }
    mean(judged, weights, |row| {
        let probability = judged.predictions[row];
        -log(if positive(row) { probability } else { 1.0 - probability })
    })
}
