//! `count_distinct`: how many different values there are; 0 where there is none.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::DataType;

use super::{distinct, extreme};
use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};

/// The kernel `count_distinct`, exact. NaN is one value whatever its sign and bits, and `-0.0` is `0.0`.
pub(super) struct CountDistinct;

impl Kernel for CountDistinct {
    fn name(&self) -> &'static str {
        "count_distinct"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Holistic
    }

    /// Values that have an order can also be told apart.
    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument).map(|_| DataType::Int64)
    }

    fn sliding(&self, argument: Option<&DataType>, windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        match argument.filter(|_| self.output(argument).is_some()) {
            Some(ty) => Ok(distinct::sliding(ty, windows, finish)),
            None => Err(AggregateError::undefined(self.name(), argument)),
        }
    }
}

fn finish(counts: &[usize]) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(counts.iter().map(|count| *count as i64)))
}
