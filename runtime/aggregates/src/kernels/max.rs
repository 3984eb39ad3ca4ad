//! `max`: the greatest value; null where there is none.

use arrow::datatypes::DataType;

use super::any;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::extreme::{self, Keep};
use crate::states::totals::{self, Totals};
use crate::states::winner;
use crate::summary::{self, Summary};

/// The kernel `max`, on every type with an order. NaN is greater than every number; false is less than true.
pub(super) struct Max;

impl Kernel for Max {
    fn name(&self) -> &'static str {
        "max"
    }

    fn tag(&self) -> u8 {
        7
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        // The greatest truth value is `any` of them.
        if input.argument == Some(&DataType::Boolean) {
            return Ok(totals::sliding(any::finish));
        }
        let sliding = input.argument.and_then(|ty| extreme::sliding(ty, input.windows.len(), Keep::Greatest));
        sliding.ok_or_else(|| AggregateError::undefined(self.name(), input.argument))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        if input.argument == Some(&DataType::Boolean) {
            return Ok(summary::boxed(self, input, Totals::new(any::finish)));
        }
        let summary = input.argument.and_then(|ty| winner::summary(self, input, ty, Keep::Greatest));
        summary.ok_or_else(|| AggregateError::undefined(self.name(), input.argument))
    }
}
