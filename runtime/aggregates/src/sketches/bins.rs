//! About which values lie where among all of them: instants, whose distance from zero means nothing.

use crate::bytes::{Reader, write_count, write_signed};
use crate::error::AggregateError;

/// How many bins may be in use.
const MOST: usize = 4096;

/// How far the bins of a batch may lie apart to be counted in a table.
const TABLE: u64 = 1 << 16;

/// A histogram whose bins are equally wide: the narrowest power of two for which at most 4,096 of them are in use. Bin `b`
/// has the values with `b * width <= value < (b + 1) * width`, so that two histograms are merged by widening the narrower
/// one. The width, and with it the whole histogram, depends only on the values, however they are split and merged.
///
/// A quantile is at most half a width from the value at its rank, and a width is less than 1/2,047 of the distance between
/// the first and the last value. A few values that lie far outside take a bin each and widen nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bins {
    /// The logarithm of the width to the base of two.
    scale: u32,
    /// The bins in use, in order, with the number of their values.
    counts: Vec<(i64, u64)>,
}

impl Bins {
    /// Takes values.
    pub fn add(&mut self, values: &[i64]) {
        let bins: Vec<i64> = values.iter().map(|value| value >> self.scale).collect();
        self.take(&counted(bins));
    }

    /// Takes all that another histogram has taken.
    pub fn merge(&mut self, other: &Self) {
        while self.scale < other.scale {
            self.widen();
        }
        let mut other = other.clone();
        while other.scale < self.scale {
            other.widen();
        }
        self.take(&other.counts);
    }

    /// The width of a bin.
    pub fn width(&self) -> u64 {
        1 << self.scale
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }

    /// The middle of the bin of the value at rank `floor(q (n - 1))` of `n` values, for a `q` between 0 and 1; none if there
    /// are no values.
    #[expect(clippy::cast_precision_loss, reason = "there are far fewer than 2^53 rows")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank lies between 0 and the number")]
    pub fn quantile(&self, q: f64) -> Option<i64> {
        let mut rank = (self.count().checked_sub(1)? as f64 * q.clamp(0.0, 1.0)) as u64;
        for (middle, count) in self.places() {
            match rank.checked_sub(count) {
                Some(rest) => rank = rest,
                None => return Some(middle),
            }
        }
        None
    }

    /// Where values are, in their order: the middle of a bin, and how many values it has.
    pub fn places(&self) -> impl Iterator<Item = (i64, u64)> {
        let half = self.width() / 2;
        self.counts.iter().map(move |(bin, count)| ((bin << self.scale).saturating_add_unsigned(half), *count))
    }

    /// Appends the byte form: the scale, the number of bins, for each its distance from the one before, the first one's from
    /// zero, and its count.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.scale.into());
        write_count(out, self.counts.len() as u64);
        let mut last = 0_i64;
        for (bin, count) in &self.counts {
            write_signed(out, bin.wrapping_sub(last));
            write_count(out, *count);
            last = *bin;
        }
    }

    /// The histogram that was written.
    ///
    /// # Errors
    /// [`AggregateError::State`] if the bytes are truncated or corrupted.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        let scale = u32::try_from(reader.count()?).ok().filter(|scale| *scale < i64::BITS);
        let scale = scale.ok_or_else(|| reader.error("a bin is corrupted"))?;
        let mut counts: Vec<(i64, u64)> = Vec::new();
        let mut last = 0_i64;
        for _ in 0..reader.items()? {
            let (bin, count) = (last.wrapping_add(reader.signed()?), reader.count()?);
            let is_next = counts.last().is_none_or(|(before, _)| *before < bin);
            let is_bin = (i64::MIN >> scale..=i64::MAX >> scale).contains(&bin);
            if !is_next || !is_bin || count == 0 || counts.len() == MOST {
                return Err(reader.error("a bin is corrupted"));
            }
            counts.push((bin, count));
            last = bin;
        }
        Ok(Bins { scale, counts })
    }

    /// Takes bins of the same width, in order.
    fn take(&mut self, others: &[(i64, u64)]) {
        let mut merged = Vec::with_capacity(self.counts.len() + others.len());
        let mut own = self.counts.iter().copied().peekable();
        for other in others {
            while let Some(before) = own.next_if(|own| own.0 < other.0) {
                merged.push(before);
            }
            let same = own.next_if(|own| own.0 == other.0).map_or(0, |(_, count)| count);
            merged.push((other.0, other.1.saturating_add(same)));
        }
        merged.extend(own);
        self.counts = merged;
        while self.counts.len() > MOST {
            self.widen();
        }
    }

    /// Makes bins twice as wide.
    fn widen(&mut self) {
        self.scale += 1;
        self.counts.iter_mut().for_each(|(bin, _)| *bin >>= 1);
        self.counts.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 = earlier.1.saturating_add(later.1);
            }
            same
        });
    }
}

/// The different bins in order, each with its number. Those of one batch mostly lie close together.
fn counted(mut bins: Vec<i64>) -> Vec<(i64, u64)> {
    let (Some(least), Some(greatest)) = (bins.iter().min().copied(), bins.iter().max().copied()) else {
        return Vec::new();
    };
    match usize::try_from(greatest.abs_diff(least)).ok().filter(|distance| (*distance as u64) < TABLE) {
        Some(distance) => {
            let mut counts = vec![0_u64; distance + 1];
            bins.iter().for_each(|bin| counts[bin.abs_diff(least) as usize] += 1);
            (least..=greatest).zip(counts).filter(|(_, count)| *count > 0).collect()
        }
        None => {
            bins.sort_unstable();
            bins.chunk_by(|one, next| one == next).map(|same| (same[0], same.len() as u64)).collect()
        }
    }
}
