//! Area under the ROC curve.

use super::{count, descending};

/// The probability that a positive row ranks above a negative one, ties counted half (Mann and Whitney, 1947); needs
/// both classes.
pub(super) fn auc(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    let positives = labels.iter().filter(|label| **label).count();
    let negatives = labels.len() - positives;
    if positives == 0 || negatives == 0 {
        return None;
    }
    let order = descending(probabilities);
    let mut above = 0_usize;
    let mut pairs = 0.0;
    // Rows of one probability form a group: a negative in it lies below all positives above and ties with those in it.
    for group in order.chunk_by(|&left, &right| probabilities[left].total_cmp(&probabilities[right]).is_eq()) {
        let tied = group.iter().filter(|&&row| labels[row]).count();
        pairs += count(group.len() - tied) * (count(above) + count(tied) / 2.0);
        above += tied;
    }
    Some(pairs / (count(positives) * count(negatives)))
}
