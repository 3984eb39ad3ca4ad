//! `stddev`: the standard deviation of a sample; null where there are fewer than two values.

use arrow::datatypes::DataType;

use super::floats::Summaries;
use super::moments::{self, sample_variance};
use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};

/// The kernel `stddev`: the square root of `variance`.
pub(super) struct Stddev;

impl Kernel for Stddev {
    fn name(&self) -> &'static str {
        "stddev"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        moments::output(argument)
    }

    fn sliding(&self, argument: Option<&DataType>, windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        match self.output(argument) {
            Some(_) => Ok(Summaries::boxed(windows, |moments, count| sample_variance(moments, count).map(f64::sqrt))),
            None => Err(AggregateError::undefined(self.name(), argument)),
        }
    }
}
