//! `variance`: of a sample; null where there are fewer than two values.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::floats::{self, Run};
use crate::states::moments::{Spread, sample_variance};
use crate::summary::{self, Summary};

/// The kernel `variance`. It is NaN while an infinite value or NaN is in the window, and no longer.
pub(super) struct Variance;

impl Kernel for Variance {
    fn name(&self) -> &'static str {
        "variance"
    }

    fn tag(&self) -> u8 {
        12
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        floats::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        input.defined(self)?;
        Ok(floats::sliding(input, Spread, sample_variance))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        input.defined(self)?;
        Ok(summary::boxed(self, input, Run::new(Spread, sample_variance)))
    }
}
