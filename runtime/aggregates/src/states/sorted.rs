//! Numbers in order, kept in blocks, so that one enters, leaves or is looked up by its rank in well below linear time.

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::DataType;
use std::sync::Arc;

use super::bags::{Bag, Leave, Outcome, Store};
use super::keys::{float_key, key_float};
use crate::bytes::{Reader, write_count, write_signed};
use crate::error::AggregateError;

/// A block that grows beyond this is split, and two neighbours that are together below half of it become one.
const BLOCK: usize = 1024;

/// Keys of floats in ascending order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sorted {
    /// None is empty.
    blocks: Vec<Vec<i64>>,
    len: usize,
}

impl Sorted {
    /// The first block whose last key is not below a key, or the last block.
    fn block(&self, key: i64) -> usize {
        let block = self.blocks.partition_point(|block| block.last().is_some_and(|last| *last < key));
        block.min(self.blocks.len().saturating_sub(1))
    }

    /// The key with so many before it.
    fn nth(&self, mut rank: usize) -> Option<i64> {
        for block in &self.blocks {
            match block.get(rank) {
                Some(key) => return Some(*key),
                None => rank -= block.len(),
            }
        }
        None
    }

    fn iter(&self) -> impl Iterator<Item = &i64> {
        self.blocks.iter().flatten()
    }

    fn split(&mut self, block: usize) {
        let upper = self.blocks[block].split_off(BLOCK / 2);
        self.blocks.insert(block + 1, upper);
    }

    /// Joins a block that has become small with its next neighbour.
    fn join(&mut self, block: usize) {
        if self.blocks[block].is_empty() {
            self.blocks.remove(block);
        } else if self.blocks.get(block + 1).is_some_and(|next| next.len() + self.blocks[block].len() < BLOCK / 2) {
            let next = self.blocks.remove(block + 1);
            self.blocks[block].extend(next);
        }
    }
}

impl Bag for Sorted {
    type Item = i64;

    fn add(&mut self, key: &i64) {
        self.len += 1;
        let block = self.block(*key);
        let Some(keys) = self.blocks.get_mut(block) else { return self.blocks.push(vec![*key]) };
        let place = keys.partition_point(|known| known <= key);
        keys.insert(place, *key);
        if keys.len() > BLOCK {
            self.split(block);
        }
    }

    fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.capacity() * size_of::<i64>() + size_of::<Vec<i64>>()).sum()
    }
}

impl Leave for Sorted {
    fn remove(&mut self, key: &i64) {
        let block = self.block(*key);
        let Some(keys) = self.blocks.get_mut(block) else { return };
        if let Ok(place) = keys.binary_search(key) {
            keys.remove(place);
            self.len -= 1;
            self.join(block);
        }
    }
}

impl Store for Sorted {
    fn merge(&mut self, other: &Self) {
        other.iter().for_each(|key| self.add(key));
    }

    /// The number of keys, the first one, and the distance from each to the next.
    fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.len as u64);
        let mut last = None;
        for key in self.iter() {
            match last {
                None => write_signed(out, *key),
                Some(last) => write_count(out, key.wrapping_sub(last).cast_unsigned()),
            }
            last = Some(*key);
        }
    }

    fn read(&mut self, _ty: &DataType, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        let length = reader.items()?;
        let mut last = None;
        for _ in 0..length {
            let key = match last {
                None => Some(reader.signed()?),
                Some(last) => i64::checked_add_unsigned(last, reader.count()?),
            };
            let key = key.filter(|key| float_key(key_float(*key)) == *key);
            last = Some(key.ok_or_else(|| reader.error("a value is not a number"))?);
            last.iter().for_each(|key| self.add(key));
        }
        Ok(())
    }
}

/// The value below which a share of the values lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantile(pub(crate) f64);

impl Outcome<Sorted> for Quantile {
    type Value = Option<f64>;

    #[expect(clippy::cast_precision_loss, reason = "a window holds far fewer than 2^53 rows")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank lies between 0 and the number")]
    fn value(&self, bag: &Sorted) -> Option<f64> {
        // Hyndman and Fan ("Sample quantiles in statistical packages", 1996), type 7.
        let place = bag.len.checked_sub(1)? as f64 * self.0;
        let rank = place as usize;
        let (lower, share) = (key_float(bag.nth(rank)?), place - rank as f64);
        let upper = if share > 0.0 { bag.nth(rank + 1) } else { None };
        Some(upper.map_or(lower, |upper| between(lower, key_float(upper), share)))
    }

    fn column(&self, _ty: &DataType, values: Vec<Option<f64>>) -> Result<ArrayRef, AggregateError> {
        Ok(Arc::new(Float64Array::from(values)))
    }
}

/// The value that lies between two others by a share of their distance.
fn between(lower: f64, upper: f64, share: f64) -> f64 {
    let distance = upper - lower;
    if lower.total_cmp(&upper).is_eq() {
        lower
    } else if distance.is_finite() {
        lower + distance * share
    } else {
        // A distance that overflows is never formed here; of one infinite end, that end is the result.
        lower * (1.0 - share) + upper * share
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BLOCK, Bag, Leave, Sorted};

    proptest! {
        #[test]
        fn blocks_stay_sorted_and_complete(
            keys in prop::collection::vec(-50_i64..50, 0..400),
            length in 1_usize..200,
        ) {
            let mut sorted = Sorted::default();
            for (index, key) in keys.iter().enumerate() {
                // Many keys at once, so that blocks split and join.
                (0..40).for_each(|step| sorted.add(&(key * 40 + step)));
                if let Some(gone) = index.checked_sub(length) {
                    (0..40).for_each(|step| sorted.remove(&(keys[gone] * 40 + step)));
                }
            }
            let mut expected: Vec<i64> = keys[keys.len().saturating_sub(length)..]
                .iter()
                .flat_map(|key| (0..40).map(move |step| key * 40 + step))
                .collect();
            expected.sort_unstable();
            prop_assert_eq!(sorted.iter().copied().collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(sorted.len, expected.len());
            prop_assert!(sorted.blocks.iter().all(|block| !block.is_empty() && block.len() <= BLOCK));
            let ranks = (0..expected.len()).map(|rank| sorted.nth(rank)).collect::<Option<Vec<_>>>();
            prop_assert_eq!(ranks, Some(expected));
        }
    }
}
