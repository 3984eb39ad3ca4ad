//! Brier score.

use super::count;

/// The mean squared difference between probability and outcome (Brier, 1950).
pub(super) fn brier(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    if labels.is_empty() {
        return None;
    }
    let squares = labels.iter().zip(probabilities).map(|(label, probability)| {
        let outcome = f64::from(u8::from(*label));
        (probability - outcome).powi(2)
    });
    Some(squares.sum::<f64>() / count(labels.len()))
}
