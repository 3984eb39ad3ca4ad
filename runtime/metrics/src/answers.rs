//! The one answer of a prediction that is made of several numbers: what is judged is what is told to whoever asks.

use crate::order::compare;

/// The place of the class with the largest probability; of equal ones the first.
pub fn most_probable(probabilities: &[f64]) -> usize {
    let larger =
        |left: &usize, right: &usize| compare(probabilities[*left], probabilities[*right]).then(right.cmp(left));
    (0..probabilities.len()).max_by(larger).unwrap_or_default()
}

/// The place of the quantile that is closest to the median; of equally close ones the first.
pub fn middle(quantiles: &[f64]) -> usize {
    let distance = |place: usize| (quantiles[place] - 0.5).abs();
    (0..quantiles.len()).min_by(|left, right| distance(*left).total_cmp(&distance(*right))).unwrap_or_default()
}
