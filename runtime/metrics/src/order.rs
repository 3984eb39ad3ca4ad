//! Rows by their predictions, as a whole and within groups.

use std::collections::BTreeMap;

/// The rows of groups, each from the largest prediction to the smallest.
#[derive(Debug)]
pub(crate) struct Groups(pub(crate) Vec<Vec<u32>>);

/// Rows from the largest prediction to the smallest; of equal ones in their order.
#[expect(clippy::cast_possible_truncation, reason = "there are fewer rows than 2^32")]
pub(crate) fn descending(predictions: &[f64]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..predictions.len() as u32).collect();
    order.sort_by(|&left, &right| predictions[right as usize].total_cmp(&predictions[left as usize]));
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
    order.chunk_by(|&left, &right| predictions[left as usize].total_cmp(&predictions[right as usize]).is_eq())
}
