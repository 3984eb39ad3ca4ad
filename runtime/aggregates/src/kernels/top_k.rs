//! `top_k`: the `k` most frequent values, the most frequent first; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::extreme;
use crate::states::lists;
use crate::states::ranked::{self, Top};
use crate::summary::Summary;

/// The kernel `top_k`, on every type with an order. Of values that are as frequent the lesser comes first. NaN is one value,
/// which is greater than every number, and `-0.0` is `0.0`.
pub(super) struct TopK;

impl Kernel for TopK {
    fn name(&self) -> &'static str {
        "top_k"
    }

    fn tag(&self) -> u8 {
        23
    }

    fn algebra(&self) -> Algebra {
        Algebra::Holistic
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        extreme::output(argument).as_ref().map(lists::list_type)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let top = Top::Most(input.size(self, "k")?);
        Ok(ranked::sliding(input.defined(self)?, input.windows.len(), top))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        let top = Top::Most(input.size(self, "k")?);
        Ok(ranked::summary(self, input, input.defined(self)?, top))
    }
}
