//! What `slope` keeps: how values vary with time, around the means of both.

use super::floats::Floats;
use crate::bytes::{Reader, write_float, write_signed};
use crate::error::AggregateError;

/// The means of a run's times and values, and the sums of products of the distances from them. Times are in seconds after
/// the run's first one, so that the distance of that from 1970 takes no precision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trend {
    first: i64,
    count: f64,
    time: f64,
    value: f64,
    /// The sum of the squared distances of times.
    times: f64,
    /// The sum of the products of distances of times and values.
    products: f64,
}

/// Summaries by moments of first and second order, merged as those of [`Spread`](super::moments::Spread).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line;

impl Floats for Line {
    const TIMED: bool = true;

    type Run = Trend;

    fn one(self, value: f64, time: i64) -> Trend {
        Trend { first: time, count: 1.0, time: 0.0, value, times: 0.0, products: 0.0 }
    }

    fn merge(self, earlier: Trend, later: Trend) -> Trend {
        let count = earlier.count + later.count;
        let (share, weight) = (later.count / count, earlier.count * later.count / count);
        let time = seconds(earlier.first, later.first) + (later.time - earlier.time);
        let distance = later.value - earlier.value;
        let value = earlier.value + distance * share;
        // An infinite value lies on no line.
        let between = if value.is_finite() { time * distance * weight } else { f64::NAN };
        Trend {
            first: earlier.first,
            count,
            time: earlier.time + time * share,
            value,
            times: earlier.times + later.times + time * time * weight,
            products: earlier.products + later.products + between,
        }
    }

    fn write(self, run: &Trend, out: &mut Vec<u8>) {
        write_signed(out, run.first);
        let parts = [run.count, run.time, run.value, run.times, run.products];
        parts.into_iter().for_each(|part| write_float(out, part));
    }

    fn read(self, reader: &mut Reader<'_>) -> Result<Trend, AggregateError> {
        Ok(Trend {
            first: reader.signed()?,
            count: reader.float()?,
            time: reader.float()?,
            value: reader.float()?,
            times: reader.float()?,
            products: reader.float()?,
        })
    }
}

/// The seconds from one time to another, both in microseconds.
#[expect(clippy::cast_precision_loss, reason = "distances below 285 years are exact before they are divided")]
fn seconds(from: i64, to: i64) -> f64 {
    (i128::from(to) - i128::from(from)) as f64 / 1e6
}

/// The slope of the least-squares line; none if all times are the same.
pub(crate) fn slope(run: Option<Trend>, _count: usize) -> Option<f64> {
    run.filter(|run| run.times > 0.0).map(|run| run.products / run.times)
}
