//! `first`: the earliest present value in the order of the rows; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::earliest::{Beginnings, Earliest};
use crate::summary::{self, Summary};

/// The kernel `first`, on every type.
pub(super) struct First;

impl Kernel for First {
    fn name(&self) -> &'static str {
        "first"
    }

    fn tag(&self) -> u8 {
        5
    }

    fn algebra(&self) -> Algebra {
        Algebra::Ordered
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.cloned()
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        Ok(Beginnings::boxed(input.defined(self)?))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        Ok(summary::boxed(self, input, Earliest::new(input.stored(self)?)))
    }
}
