//! `max`: the greatest value; null where there is none.

use arrow::datatypes::DataType;

use super::any;
use super::extreme::{self, Keep};
use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};
use crate::prefix::PrefixSums;

/// The kernel `max`, on every type with an order. NaN is greater than every number; false is less than true.
pub(super) struct Max;

impl Kernel for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument)
    }

    fn sliding(&self, argument: Option<&DataType>, windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        // The greatest truth value is `any` of them.
        if argument == Some(&DataType::Boolean) {
            return Ok(PrefixSums::boxed(any::finish));
        }
        argument
            .and_then(|ty| extreme::sliding(ty, windows, Keep::Greatest))
            .ok_or_else(|| AggregateError::undefined(self.name(), argument))
    }
}
