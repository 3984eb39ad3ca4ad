//! What `variance` and `stddev` share: how values spread around their mean.

use super::floats::Floats;
use crate::bytes::{Reader, write_float};
use crate::error::AggregateError;

/// The mean of a run of values and the sum of their squared distances from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// The moments of values, in two passes over them; none if there are none.
    #[expect(clippy::cast_precision_loss, reason = "a batch holds far fewer than 2^53 values")]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        (!values.is_empty()).then_some(Moments { count, mean, squares })
    }

    /// The moments of two runs together.
    #[must_use]
    pub fn merge(self, later: Self) -> Self {
        Spread.merge(self, later)
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation of a sample; none below two values.
    pub fn deviation(&self) -> Option<f64> {
        (self.count > 1.0).then(|| (self.squares / (self.count - 1.0)).sqrt())
    }

    /// Appends the byte form.
    pub fn write(&self, out: &mut Vec<u8>) {
        Spread.write(self, out);
    }

    /// The moments that were written.
    ///
    /// # Errors
    /// [`AggregateError::State`] if the bytes end too early.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        Spread.read(reader)
    }
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
