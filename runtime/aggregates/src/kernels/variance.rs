//! `variance`: of a sample; null where there are fewer than two values.

use arrow::datatypes::DataType;

use super::floats::Summaries;
use super::moments::{self, sample_variance};
use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};

/// The kernel `variance`. It is NaN while an infinite value or NaN is in the window, and no longer.
pub(super) struct Variance;

impl Kernel for Variance {
    fn name(&self) -> &'static str {
        "variance"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        moments::output(argument)
    }

    fn sliding(&self, argument: Option<&DataType>, windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        match self.output(argument) {
            Some(_) => Ok(Summaries::boxed(windows, sample_variance)),
            None => Err(AggregateError::undefined(self.name(), argument)),
        }
    }
}
