//! Average precision.

use super::{count, descending};

/// The sum over thresholds of precision times the growth of recall, without interpolation; needs a positive row.
pub(super) fn average_precision(labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    let positives = labels.iter().filter(|label| **label).count();
    if positives == 0 {
        return None;
    }
    let order = descending(probabilities);
    let (mut seen, mut hits, mut area) = (0_usize, 0_usize, 0.0);
    for group in order.chunk_by(|&left, &right| probabilities[left].total_cmp(&probabilities[right]).is_eq()) {
        let gained = group.iter().filter(|&&row| labels[row]).count();
        seen += group.len();
        hits += gained;
        area += count(gained) / count(positives) * count(hits) / count(seen);
    }
    Some(area)
}
