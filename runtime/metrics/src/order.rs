//! Rows by their predictions, as a whole and within groups.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The rows of groups, each from the largest prediction to the smallest.
#[derive(Debug)]
pub(crate) struct Groups(pub(crate) Vec<Vec<u32>>);

/// How two numbers are ordered; both zeros are one number.
pub(crate) fn compare(left: f64, right: f64) -> Ordering {
    // Either zero and a positive one are a positive one.
    (left + 0.0).total_cmp(&(right + 0.0))
}

/// Rows from the largest prediction to the smallest; of equal ones in their order.
#[expect(clippy::cast_possible_truncation, reason = "there are fewer rows than 2^32")]
pub(crate) fn descending(predictions: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..predictions.len() as u32).collect();
    order.sort_by(|&left, &right| compare(predictions[right as usize], predictions[left as usize]));
    order
}

impl Groups {
    /// The groups in the order of their numbers.
    pub(crate) fn of(groups: Option<&[u64]>, order: &[u32]) -> Self {
        let Some(groups) = groups else { return Groups(vec![order.to_vec()]) };
        let mut members: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
        for &row in order {
            members.entry(groups[row as usize]).or_default().push(row);
        }
        Groups(members.into_values().collect())
    }
}

/// Runs of rows with one prediction, from the largest on.
pub(crate) fn tied<'a>(order: &'a [u32], predictions: &'a [f64]) -> impl Iterator<Item = &'a [u32]> {
    order.chunk_by(|&left, &right| compare(predictions[left as usize], predictions[right as usize]).is_eq())
}
