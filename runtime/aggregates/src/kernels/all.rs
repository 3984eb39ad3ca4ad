//! `all`: whether every value is true; null where there is none.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};
use crate::prefix::{PrefixSums, Total};

/// The kernel `all`. Nulls are skipped: they are neither true nor false.
pub(super) struct All;

impl Kernel for All {
    fn name(&self) -> &'static str {
        "all"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Group
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.filter(|ty| **ty == DataType::Boolean).cloned()
    }

    fn sliding(&self, argument: Option<&DataType>, _windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        match self.output(argument) {
            Some(_) => Ok(PrefixSums::boxed(finish)),
            None => Err(AggregateError::undefined(self.name(), argument)),
        }
    }
}

/// Values are 0 and 1, so a sum counts what is true.
pub(super) fn finish(totals: &mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError> {
    let results: BooleanArray =
        totals.map(|total| (total.count > 0).then_some(total.sum == total.count as i128)).collect();
    Ok(Arc::new(results))
}
