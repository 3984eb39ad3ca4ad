//! `count`: how many rows, or how many present values.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;

use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};
use crate::ranges::Ranges;

/// The kernel `count`.
pub(super) struct Count;

impl Kernel for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Group
    }

    fn output(&self, _argument: Option<&DataType>) -> Option<DataType> {
        Some(DataType::Int64)
    }

    fn sliding(&self, _argument: Option<&DataType>, _windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        Ok(Box::new(Lengths))
    }
}

/// The length of a range is the count: nothing needs to be kept.
struct Lengths;

impl Sliding for Lengths {
    fn append(&mut self, _values: &ArrayRef) -> Result<(), AggregateError> {
        Ok(())
    }

    fn slide(&mut self, _window: usize, ranges: Ranges<'_>) -> Result<ArrayRef, AggregateError> {
        Ok(Arc::new(Int64Array::from_iter_values(ranges.lengths().map(|length| length as i64))))
    }

    fn release(&mut self, _before: usize) {}

    fn bytes(&self) -> usize {
        0
    }
}
