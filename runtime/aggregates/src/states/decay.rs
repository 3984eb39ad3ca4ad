//! What `ewma` keeps: sums with weights that halve with the distance from the run's last time.

use super::floats::Floats;
use crate::bytes::{Reader, write_count, write_float, write_signed};
use crate::error::AggregateError;

/// The sum of `2^-((last - t) / half_life)` over the values of a run, and of that times the value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decayed {
    last: i64,
    weight: f64,
    sum: f64,
}

/// Summaries whose weights halve with every half-life, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decay {
    pub(crate) half_life: i64,
}

impl Decay {
    /// A run with weights relative to another time, which is not before its last one.
    #[expect(clippy::cast_precision_loss, reason = "a ratio of times is rounded once more in any case")]
    fn until(self, run: Decayed, last: i64) -> Decayed {
        let distance = i128::from(last) - i128::from(run.last);
        if distance == 0 {
            return run;
        }
        let factor = libm::exp2(-(distance as f64 / self.half_life as f64));
        // However little it weighs, an infinite value makes the mean infinite.
        let sum = if run.sum.is_finite() { run.sum * factor } else { run.sum };
        Decayed { last, weight: run.weight * factor, sum }
    }
}

impl Floats for Decay {
    const TIMED: bool = true;

    type Run = Decayed;

    fn one(self, value: f64, time: i64) -> Decayed {
        Decayed { last: time, weight: 1.0, sum: value }
    }

    fn merge(self, earlier: Decayed, later: Decayed) -> Decayed {
        // Streams may bring a run late, so that either of them may be the one that ends last.
        let last = earlier.last.max(later.last);
        let (one, other) = (self.until(earlier, last), self.until(later, last));
        Decayed { last, weight: one.weight + other.weight, sum: one.sum + other.sum }
    }

    /// The half-life as well: sums with another one are of no use.
    fn write(self, run: &Decayed, out: &mut Vec<u8>) {
        write_count(out, self.half_life.cast_unsigned());
        write_signed(out, run.last);
        write_float(out, run.weight);
        write_float(out, run.sum);
    }

    fn read(self, reader: &mut Reader<'_>) -> Result<Decayed, AggregateError> {
        if reader.count()? != self.half_life.cast_unsigned() {
            return Err(reader.error("it has another half-life"));
        }
        Ok(Decayed { last: reader.signed()?, weight: reader.float()?, sum: reader.float()? })
    }
}

/// The weighted mean.
pub(crate) fn weighted_mean(run: Option<Decayed>, _count: usize) -> Option<f64> {
    run.map(|run| run.sum / run.weight)
}
