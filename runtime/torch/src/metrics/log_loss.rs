//! Log loss.

use super::count;

/// The mean negative log likelihood, natural logarithm; probabilities are kept one float64 epsilon away from 0 and 1.
pub(super) fn log_loss(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    if labels.is_empty() {
        return None;
    }
    let losses = labels.iter().zip(probabilities).map(|(label, probability)| {
        let probability = probability.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        -(if *label { probability } else { 1.0 - probability }).ln()
    });
    Some(losses.sum::<f64>() / count(labels.len()))
}
