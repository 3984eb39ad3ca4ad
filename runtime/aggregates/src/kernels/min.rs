//! `min`: the least value; null where there is none.

use arrow::datatypes::DataType;

use super::all;
use super::extreme::{self, Keep};
use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};
use crate::prefix::PrefixSums;

/// The kernel `min`, on every type with an order. NaN is greater than every number; false is less than true.
pub(super) struct Min;

impl Kernel for Min {
    fn name(&self) -> &'static str {
        "min"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument)
    }

    fn sliding(&self, argument: Option<&DataType>, windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        // The least truth value is `all` of them.
        if argument == Some(&DataType::Boolean) {
            return Ok(PrefixSums::boxed(all::finish));
        }
        argument
            .and_then(|ty| extreme::sliding(ty, windows, Keep::Least))
            .ok_or_else(|| AggregateError::undefined(self.name(), argument))
    }
}
