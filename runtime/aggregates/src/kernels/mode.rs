//! `mode`: the most frequent value, of several the least; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::extreme;
use crate::states::ranked::{self, Top};
use crate::summary::Summary;

/// The kernel `mode`, on every type with an order. NaN is one value, which is greater than every number, and `-0.0` is `0.0`.
pub(super) struct Mode;

impl Kernel for Mode {
    fn name(&self) -> &'static str {
        "mode"
    }

    fn tag(&self) -> u8 {
        19
    }

    fn algebra(&self) -> Algebra {
        Algebra::Holistic
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let ty = input.defined(self)?;
        Ok(ranked::sliding(ty, input.windows.len(), Top::One))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        Ok(ranked::summary(self, input, input.defined(self)?, Top::One))
    }
}
