//! Accuracy.

use super::count;

/// The share of rows whose class is right; a probability of one half or more stands for the positive class.
pub(super) fn accuracy(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    if labels.is_empty() {
        return None;
    }
    let right = labels.iter().zip(probabilities).filter(|(label, probability)| **label == (**probability >= 0.5));
    Some(count(right.count()) / count(labels.len()))
}
