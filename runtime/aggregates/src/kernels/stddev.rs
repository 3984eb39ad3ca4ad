//! `stddev`: the standard deviation of a sample; null where there are fewer than two values.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::floats::{self, Run};
use crate::states::moments::{Moments, Spread, sample_variance};
use crate::summary::{self, Summary};

/// The kernel `stddev`: the square root of `variance`.
pub(super) struct Stddev;

impl Kernel for Stddev {
    fn name(&self) -> &'static str {
        "stddev"
    }

    fn tag(&self) -> u8 {
        10
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        floats::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        input.defined(self)?;
        Ok(floats::sliding(input, Spread, deviation))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        input.defined(self)?;
        Ok(summary::boxed(self, input, Run::new(Spread, deviation)))
    }
}

fn deviation(moments: Option<Moments>, count: usize) -> Option<f64> {
    sample_variance(moments, count).map(f64::sqrt)
}
