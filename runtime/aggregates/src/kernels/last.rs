//! `last`: the latest present value in the order of the rows; null where there is none.

use arrow::datatypes::DataType;

use super::pick::{Pick, Picks};
use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};

/// The kernel `last`, on every type.
pub(super) struct Last;

impl Kernel for Last {
    fn name(&self) -> &'static str {
        "last"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Ordered
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.cloned()
    }

    fn sliding(&self, argument: Option<&DataType>, _windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        argument
            .map(|ty| Picks::boxed(ty, Pick::Latest))
            .ok_or_else(|| AggregateError::undefined(self.name(), argument))
    }
}
