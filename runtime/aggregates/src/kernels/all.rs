//! `all`: whether every value is true; null where there is none.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::totals::{self, Total, Totals};
use crate::summary::{self, Summary};

/// The kernel `all`. Nulls are skipped: they are neither true nor false.
pub(super) struct All;

impl Kernel for All {
    fn name(&self) -> &'static str {
        "all"
    }

    fn tag(&self) -> u8 {
        1
    }

    fn algebra(&self) -> Algebra {
        Algebra::Group
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.filter(|ty| **ty == DataType::Boolean).cloned()
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        input.defined(self)?;
        Ok(totals::sliding(finish))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        input.defined(self)?;
        Ok(summary::boxed(self, input, Totals::new(finish)))
    }
}

/// Values are 0 and 1, so a sum counts what is true.
pub(super) fn finish(totals: &mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError> {
    let results: BooleanArray =
        totals.map(|total| (total.count > 0).then_some(total.sum == total.count as i128)).collect();
    Ok(Arc::new(results))
}
