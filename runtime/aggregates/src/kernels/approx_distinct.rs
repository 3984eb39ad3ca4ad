//! `approx_distinct`: about how many different values there are; 0 where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::bags::{self, Gathered};
use crate::states::extreme;
use crate::states::hyperloglog::{self, Different, RankCounts};
use crate::states::registers::Registers;
use crate::summary::{self, Summary};

/// The kernel `approx_distinct`, with a standard error of 1.63 percent. The result depends only on the set of values: it is
/// the same however they are split and ordered. NaN is one value whatever its sign and bits, and `-0.0` is `0.0`.
pub(super) struct ApproxDistinct;

impl Kernel for ApproxDistinct {
    fn name(&self) -> &'static str {
        "approx_distinct"
    }

    fn tag(&self) -> u8 {
        13
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    /// As `count_distinct`.
    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument).map(|_| DataType::Int64)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let ty = input.defined(self)?;
        Ok(bags::sliding::<RankCounts, _>(ty, hyperloglog::codes, input.windows.len(), Different))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        let ty = input.defined(self)?;
        Ok(summary::boxed(self, input, Gathered::<Registers, _>::new(ty, hyperloglog::codes, Different)))
    }
}
