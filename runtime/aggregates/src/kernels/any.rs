//! `any`: whether any value is true; null where there is none.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::totals::{self, Total, Totals};
use crate::summary::{self, Summary};

/// The kernel `any`. Nulls are skipped: they are neither true nor false.
pub(super) struct Any;

impl Kernel for Any {
    fn name(&self) -> &'static str {
        "any"
    }

    fn tag(&self) -> u8 {
        2
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
    let results: BooleanArray = totals.map(|total| (total.count > 0).then_some(total.sum > 0)).collect();
    Ok(Arc::new(results))
}
