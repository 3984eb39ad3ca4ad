//! The sketch behind `approx_quantile`: how many values lie in each of many narrow buckets.
//!
//! This is DDSketch (Masson, Rim and Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error
//! guarantees", 2019) without a limit on the number of buckets, of which there are at most 145,418. Counts are exact, so
//! that values leave a window without a trace and merging in any order gives the same sketch.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::bags::{Bag, Leave, Outcome, Store};
use crate::bytes::{Reader, write_count, write_signed};
use crate::error::AggregateError;

/// The relative error of an estimate, at most.
const ACCURACY: f64 = 0.01;

/// The logarithm of the ratio of a bucket's bounds, `(1 + ACCURACY) / (1 - ACCURACY)`.
const LOG_RATIO: f64 = 0.020_000_666_706_669_524;

/// Added to the bucket of a magnitude so that it is positive: the least positive float is in bucket -37,221.
const OFFSET: i32 = 40_000;

const ZERO: i32 = 0;
const INFINITE: i32 = i32::MAX - 1;
const NAN: i32 = i32::MAX;

/// The number of values in each bucket that has some, in the order of the values.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets {
    counts: Vec<(i32, u64)>,
    len: u64,
}

/// The buckets of a column of floats. Logarithms are those of `libm`, which are the same on every processor.
pub(crate) fn buckets(values: &ArrayRef) -> Result<Vec<i32>, AggregateError> {
    let values = cast(values, &DataType::Float64)?;
    Ok(values.as_primitive::<Float64Type>().values().iter().map(|value| bucket(*value)).collect())
}

/// A value's bucket: of positive numbers `x` those with `ratio^(i - 1) < x <= ratio^i` for an `i`, of negative ones the
/// mirrored ones, one each for zero, the infinities and NaN.
#[expect(clippy::cast_possible_truncation, reason = "the logarithm of a finite float is below 40,000 ratios")]
fn bucket(value: f64) -> i32 {
    let magnitude = match value.abs() {
        0.0 => return ZERO,
        f64::INFINITY => INFINITE,
        finite if finite.is_finite() => {
            let ratios = libm::log(finite) / LOG_RATIO;
            // Rounded up: what processors without an instruction for it need a call for.
            let whole = ratios as i32;
            whole + i32::from(ratios > f64::from(whole)) + OFFSET
        }
        _ => return NAN,
    };
    if value < 0.0 { -magnitude } else { magnitude }
}

/// The value whose distance from both ends of a bucket is the same relative to those ends.
fn estimate(bucket: i32) -> f64 {
    let magnitude = match bucket.saturating_abs() {
        ZERO => return 0.0,
        NAN => return f64::NAN,
        INFINITE => f64::INFINITY,
        // The lower end times `2 ratio / (1 + ratio)`, which is `1 + ACCURACY`; the last bucket ends beyond all floats.
        finite => (libm::exp(f64::from(finite - OFFSET - 1) * LOG_RATIO) * (1.0 + ACCURACY)).min(f64::MAX),
    };
    if bucket < 0 { -magnitude } else { magnitude }
}

/// Whether some value has that bucket.
fn is_bucket(bucket: i32) -> bool {
    matches!(bucket, ZERO | NAN | INFINITE)
        || bucket == -INFINITE
        || (2_700..=75_500).contains(&bucket.saturating_abs())
}

/// How far the buckets of a batch may lie apart to be counted in a table: all of both signs do.
const TABLE: usize = 1 << 17;

impl Buckets {
    /// Takes finite values, a batch at a time.
    pub(crate) fn add_all(&mut self, values: &[f64]) {
        let found: Vec<i32> = values.iter().map(|value| bucket(*value)).collect();
        let (Some(least), Some(greatest)) = (found.iter().min(), found.iter().max()) else { return };
        let Some(width) = usize::try_from(i64::from(*greatest) - i64::from(*least)).ok().filter(|width| *width < TABLE)
        else {
            return found.iter().for_each(|bucket| self.increase(*bucket, 1));
        };
        let mut counts = vec![0_u32; width + 1];
        found.iter().for_each(|bucket| counts[bucket.abs_diff(*least) as usize] += 1);
        let in_use = (*least..).zip(counts).filter(|(_, count)| *count > 0);
        in_use.for_each(|(bucket, count)| self.increase(bucket, count.into()));
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// The buckets in use, in the order of their values: an estimate of these, and their number.
    pub(crate) fn estimates(&self) -> impl Iterator<Item = (f64, u64)> {
        self.counts.iter().map(|(bucket, count)| (estimate(*bucket), *count))
    }

    fn increase(&mut self, bucket: i32, by: u64) {
        self.len = self.len.saturating_add(by);
        match self.counts.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(place) => self.counts[place].1 = self.counts[place].1.saturating_add(by),
            Err(place) => self.counts.insert(place, (bucket, by)),
        }
    }

    /// The bucket of the value with so many before it.
    fn nth(&self, mut rank: u64) -> Option<i32> {
        for (bucket, count) in &self.counts {
            match rank.checked_sub(*count) {
                Some(rest) => rank = rest,
                None => return Some(*bucket),
            }
        }
        None
    }
}

impl Bag for Buckets {
    type Item = i32;

    fn add(&mut self, bucket: &i32) {
        self.increase(*bucket, 1);
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<(i32, u64)>()
    }
}

impl Leave for Buckets {
    fn remove(&mut self, bucket: &i32) {
        let Ok(place) = self.counts.binary_search_by_key(bucket, |(known, _)| *known) else { return };
        self.len -= 1;
        self.counts[place].1 -= 1;
        if self.counts[place].1 == 0 {
            self.counts.remove(place);
        }
    }
}

impl Store for Buckets {
    fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(bucket, count)| self.increase(*bucket, *count));
    }

    /// The number of buckets; for each its distance from the one before, the first one's from zero, and its count.
    fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.counts.len() as u64);
        let mut last = 0;
        for (bucket, count) in &self.counts {
            write_signed(out, i64::from(*bucket) - last);
            write_count(out, *count);
            last = i64::from(*bucket);
        }
    }

    fn read(&mut self, _ty: &DataType, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        let mut last = 0;
        for place in 0..reader.items()? {
            let distance = reader.signed()?;
            let bucket = i64::checked_add(last, distance).and_then(|bucket| i32::try_from(bucket).ok());
            let known = bucket.filter(|bucket| is_bucket(*bucket) && (place == 0 || distance > 0));
            let count = reader.count()?;
            match known {
                Some(bucket) if count > 0 => self.increase(bucket, count),
                _ => return Err(reader.error("a bucket is corrupted")),
            }
            last += distance;
        }
        Ok(())
    }
}

/// An estimate of the value at rank `floor(q (n - 1))` of `n` values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NearQuantile(pub(crate) f64);

impl Outcome<Buckets> for NearQuantile {
    type Value = Option<f64>;

    #[expect(clippy::cast_precision_loss, reason = "a window holds far fewer than 2^53 rows")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank lies between 0 and the number")]
    fn value(&self, bag: &Buckets) -> Option<f64> {
        let rank = (bag.len.checked_sub(1)? as f64 * self.0) as u64;
        bag.nth(rank).map(estimate)
    }

    fn column(&self, _ty: &DataType, values: Vec<Option<f64>>) -> Result<ArrayRef, AggregateError> {
        Ok(Arc::new(Float64Array::from(values)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ACCURACY, NAN, bucket, estimate, is_bucket};

    proptest! {
        #[test]
        fn estimates_are_within_the_accuracy(value in prop::num::f64::NORMAL) {
            let found = estimate(bucket(value));
            prop_assert!((found - value).abs() <= value.abs() * (ACCURACY + 1e-12), "{found} for {value}");
            prop_assert!(is_bucket(bucket(value)));
        }
    }

    #[test]
    fn buckets_are_in_the_order_of_their_values() {
        let values = [f64::NEG_INFINITY, f64::MIN, -1.0, -5e-324, 0.0, 5e-324, 1.0, f64::MAX, f64::INFINITY, f64::NAN];
        let buckets = values.map(bucket);
        assert!(buckets.is_sorted_by(|one, next| one < next), "{buckets:?}");
        assert!(buckets.into_iter().all(is_bucket));
        assert_eq!((bucket(-0.0), bucket(-f64::NAN)), (bucket(0.0), NAN));
        assert_eq!([0, 9].map(|place| estimate(buckets[place]).is_nan()), [false, true]);
        assert_eq!([0, 4, 8].map(|place| estimate(buckets[place])), [f64::NEG_INFINITY, 0.0, f64::INFINITY]);
    }
}
