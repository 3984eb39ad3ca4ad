//! `median`: the middle value, or the mean of the two in the middle; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::bags::{self, Gathered};
use crate::states::floats;
use crate::states::keys::Key;
use crate::states::sorted::{Quantile, Sorted};
use crate::summary::{self, Summary};

/// The kernel `median`, exact: the quantile of a half. Values are ordered as in `max`, so that NaN is the greatest.
/// Where the result lies between two values it is NaN if one of them is, or if both are infinite with different signs;
/// else it is infinite if one of them is.
pub(super) struct Median;

impl Kernel for Median {
    fn name(&self) -> &'static str {
        "median"
    }

    fn tag(&self) -> u8 {
        18
    }

    fn algebra(&self) -> Algebra {
        Algebra::Holistic
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        floats::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let ty = input.defined(self)?;
        Ok(bags::sliding::<Sorted, _>(ty, Key::of, input.windows.len(), Quantile(0.5)))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        let ty = input.defined(self)?;
        Ok(summary::boxed(self, input, Gathered::<Sorted, _>::new(ty, Key::of, Quantile(0.5))))
    }
}
