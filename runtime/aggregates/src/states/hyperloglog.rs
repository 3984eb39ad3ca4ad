//! The estimate behind `approx_distinct`, and its window, from which values leave exactly.
//!
//! HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007) with 2^12 registers: the standard error is 1.04 / 2^6, or 1.63
//! percent. Hashes have 64 bits, so that the correction for large numbers is not needed.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;
use twox_hash::XxHash64;

use super::bags::{Bag, Leave, Outcome};
use super::keys::{self, Key, key_float};
use crate::error::AggregateError;

/// How many bits of a hash choose the register.
const INDEX_BITS: u32 = 12;

/// The number of registers.
pub(crate) const REGISTERS: usize = 1 << INDEX_BITS;

/// The greatest rank: the other bits are all zero.
pub(crate) const GREATEST: u8 = 53;

/// Ranks have six bits in a [`Code`].
const RANKS: usize = 64;

/// What a value adds: its register times 64 plus its rank, which is one more than the number of zeros that its hash begins
/// with after the bits of the register.
pub(crate) type Code = u32;

/// The number of registers with each rank as their greatest; those without a value have rank 0.
pub(crate) type Histogram = [u32; RANKS];

/// The codes of a column's values, from their [`hashes`].
pub(crate) fn codes(values: &ArrayRef) -> Result<Vec<Code>, AggregateError> {
    Ok(hashes(values)?.into_iter().map(code).collect())
}

/// The hashes of a column's values: XXH64 with seed 0, over the bytes of text, and over the 8 bytes, little endian, of
/// anything else: of a float as a `float64`, where NaN is `0x7ff8000000000000` and `-0.0` is `0.0`; of a whole number, a
/// date (days), a time or a duration (microseconds) or a truth value (0 or 1) as an `int64`.
pub(crate) fn hashes(values: &ArrayRef) -> Result<Vec<u64>, AggregateError> {
    let ty = values.data_type();
    if keys::is_text(ty) {
        return Ok(keys::texts(values)?.map(hash_text).collect());
    }
    let is_float = matches!(ty, DataType::Float32 | DataType::Float64);
    let bytes = |key: i64| if is_float { key_float(key).to_le_bytes() } else { key.to_le_bytes() };
    Ok(i64::of(values)?.into_iter().map(|key| XxHash64::oneshot(0, &bytes(key))).collect())
}

/// The hash of a text.
pub(crate) fn hash_text(text: &[u8]) -> u64 {
    XxHash64::oneshot(0, text)
}

#[expect(clippy::cast_possible_truncation, reason = "what is left of the hash has 12 bits")]
pub(crate) fn code(hash: u64) -> Code {
    let register = (hash >> (u64::BITS - INDEX_BITS)) as u32;
    let rank = ((hash << INDEX_BITS).leading_zeros() + 1).min(GREATEST.into());
    register * RANKS as u32 + rank
}

/// A code's register and rank.
#[expect(clippy::cast_possible_truncation, reason = "a rank has six bits")]
pub(crate) fn register_and_rank(code: Code) -> (usize, u8) {
    (code as usize / RANKS, (code as usize % RANKS) as u8)
}

/// The histogram of registers without values.
pub(crate) fn no_ranks() -> Histogram {
    let mut histogram = [0; RANKS];
    histogram[0] = REGISTERS as u32;
    histogram
}

/// The number of different values that leaves such registers.
#[expect(clippy::cast_possible_truncation, reason = "the estimate is below 2^64 / 4096 * 4096")]
pub(crate) fn estimate(histogram: &Histogram) -> i64 {
    let registers = REGISTERS as f64;
    let sum: f64 = (0_i32..).zip(histogram).map(|(rank, count)| f64::from(*count) * libm::ldexp(1.0, -rank)).sum();
    let estimate = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
    let empty = f64::from(histogram[0]);
    let corrected = if estimate <= 2.5 * registers && empty > 0.0 {
        // Linear counting, which is better while some registers are empty.
        registers * libm::log(registers / empty)
    } else {
        estimate
    };
    corrected.round() as i64
}

/// Registers that know how many values of each rank they have, so that their greatest rank is known when one leaves. They
/// take a mebibyte once there is a value.
#[derive(Clone, Debug)]
pub(crate) struct RankCounts {
    /// For each code, the number of its values; empty before the first one.
    counts: Vec<u32>,
    /// For each register, the set of ranks that have values, as bits.
    ranks: Vec<u64>,
    histogram: Histogram,
}

impl Default for RankCounts {
    fn default() -> Self {
        RankCounts { counts: Vec::new(), ranks: Vec::new(), histogram: no_ranks() }
    }
}

impl RankCounts {
    /// Changes the set of ranks of a register by one rank.
    fn toggle(&mut self, code: Code) {
        let (register, rank) = register_and_rank(code);
        let ranks = &mut self.ranks[register];
        self.histogram[greatest(*ranks)] -= 1;
        *ranks ^= 1 << rank;
        self.histogram[greatest(*ranks)] += 1;
    }
}

/// The greatest of a set of ranks, 0 if there is none.
fn greatest(ranks: u64) -> usize {
    ranks.checked_ilog2().map_or(0, |rank| rank as usize)
}

impl Bag for RankCounts {
    type Item = Code;

    fn add(&mut self, code: &Code) {
        if self.counts.is_empty() {
            self.counts = vec![0; REGISTERS * RANKS];
            self.ranks = vec![0; REGISTERS];
        }
        let count = &mut self.counts[*code as usize];
        *count += 1;
        if *count == 1 {
            self.toggle(*code);
        }
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u32>() + self.ranks.capacity() * size_of::<u64>()
    }
}

impl Leave for RankCounts {
    fn remove(&mut self, code: &Code) {
        let count = &mut self.counts[*code as usize];
        *count -= 1;
        if *count == 0 {
            self.toggle(*code);
        }
    }
}

/// Registers whose greatest ranks are known.
pub(crate) trait Ranks {
    /// How many of them have which.
    fn histogram(&self) -> Histogram;
}

impl Ranks for RankCounts {
    fn histogram(&self) -> Histogram {
        self.histogram
    }
}

/// The estimated number of different values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Different;

impl<B: Ranks> Outcome<B> for Different {
    type Value = i64;

    fn value(&self, bag: &B) -> i64 {
        estimate(&bag.histogram())
    }

    fn column(&self, _ty: &DataType, values: Vec<i64>) -> Result<ArrayRef, AggregateError> {
        Ok(Arc::new(Int64Array::from(values)))
    }
}
