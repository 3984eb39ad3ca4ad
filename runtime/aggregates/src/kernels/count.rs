//! `count`: how many rows, or how many present values.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::rows::{self, Lengths, Rows};
use crate::summary::{self, Summary};

/// The kernel `count`.
pub(super) struct Count;

impl Kernel for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn tag(&self) -> u8 {
        3
    }

    fn algebra(&self) -> Algebra {
        Algebra::Group
    }

    fn output(&self, _argument: Option<&DataType>) -> Option<DataType> {
        Some(DataType::Int64)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        Ok(Box::new(Lengths { windows: input.windows.to_vec(), finish: rows::numbers }))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        Ok(match input.argument {
            None => summary::boxed(self, input, Rows::<true>::new(rows::numbers)),
            Some(_) => summary::boxed(self, input, Rows::<false>::new(rows::numbers)),
        })
    }
}
