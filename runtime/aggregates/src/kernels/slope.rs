//! `slope`: of the least-squares line of values over time, a second; null where there are not two different times.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::floats::{self, Run};
use crate::states::line::{self, Line};
use crate::summary::{self, Summary};

/// The kernel `slope`. It is NaN while an infinite value or NaN is in the window, and no longer.
pub(super) struct Slope;

impl Kernel for Slope {
    fn name(&self) -> &'static str {
        "slope"
    }

    fn tag(&self) -> u8 {
        22
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn reads_time(&self) -> bool {
        true
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        floats::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        input.defined(self)?;
        Ok(floats::sliding(input, Line, line::slope))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        input.defined(self)?;
        Ok(summary::boxed(self, input, Run::new(Line, line::slope)))
    }
}
