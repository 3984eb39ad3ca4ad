//! What `variance` and `stddev` share: how values spread around their mean.

use super::floats::Floats;
use crate::bytes::{Reader, write_float};
use crate::error::AggregateError;

/// The mean of a run of values and the sum of their squared distances from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

/// Summaries by moments. Runs are merged as Chan, Golub and LeVeque do ("Algorithms for computing the sample variance",
/// 1983): no squares of large values are subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spread;

impl Floats for Spread {
    type Run = Moments;

    #[inline]
    fn one(self, value: f64, _time: i64) -> Moments {
        Moments { count: 1.0, mean: value, squares: 0.0 }
    }

    #[inline]
    fn merge(self, earlier: Moments, later: Moments) -> Moments {
        let count = earlier.count + later.count;
        let distance = later.mean - earlier.mean;
        let mean = earlier.mean + distance * (later.count / count);
        let between = distance * distance * (earlier.count * later.count / count);
        // An infinite value has no distance from any mean.
        let squares = if mean.is_finite() { earlier.squares + later.squares + between } else { f64::NAN };
        Moments { count, mean, squares }
    }

    fn write(self, run: &Moments, out: &mut Vec<u8>) {
        [run.count, run.mean, run.squares].into_iter().for_each(|part| write_float(out, part));
    }

    fn read(self, reader: &mut Reader<'_>) -> Result<Moments, AggregateError> {
        Ok(Moments { count: reader.float()?, mean: reader.float()?, squares: reader.float()? })
    }
}

/// The variance of a sample: the squares over one less than the number of values; none below two values.
pub(crate) fn sample_variance(moments: Option<Moments>, count: usize) -> Option<f64> {
    moments.filter(|_| count > 1).map(|moments| moments.squares / (moments.count - 1.0))
}
