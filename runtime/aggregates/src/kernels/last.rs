//! `last`: the latest present value in the order of the rows; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::latest::{Ending, Endings, Latest};
use crate::summary::{self, Summary};

/// The kernel `last`, on every type.
pub(super) struct Last;

impl Kernel for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn tag(&self) -> u8 {
        6
    }

    fn algebra(&self) -> Algebra {
        Algebra::Ordered
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.cloned()
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        Ok(Endings::boxed(input.defined(self)?, Ending::One))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        Ok(summary::boxed(self, input, Latest::new(input.stored(self)?, Ending::One)))
    }
}
