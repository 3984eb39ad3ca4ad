//! `rate`: rows a second over the length of the window; 0 where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::rows::{self, Lengths, Rows};
use crate::summary::{self, Summary};

/// The kernel `rate`: the number of rows over the length of the window in seconds, wherever in it they are. It is only
/// defined over windows that are a length of time, which is found when such a window is asked for.
pub(super) struct Rate;

impl Kernel for Rate {
    fn name(&self) -> &'static str {
        "rate"
    }

    fn tag(&self) -> u8 {
        21
    }

    fn algebra(&self) -> Algebra {
        Algebra::Group
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.is_none().then_some(DataType::Float64)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        self.check(input)?;
        Ok(Box::new(Lengths { windows: input.windows.to_vec(), finish: rows::rates }))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        self.check(input)?;
        Ok(summary::boxed(self, input, Rows::<true>::new(rows::rates)))
    }
}

impl Rate {
    fn check(&self, input: &Input<'_>) -> Result<(), AggregateError> {
        let defined = input.argument.is_none();
        defined.then_some(()).ok_or_else(|| AggregateError::undefined(self.name(), input.argument))
    }
}
