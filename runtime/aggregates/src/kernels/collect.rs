//! `collect`: present values in the order of the rows, at most the latest `most`; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::latest::{Ending, Endings, Latest};
use crate::states::lists;
use crate::summary::{self, Summary};

/// The kernel `collect`, on every type.
pub(super) struct Collect;

impl Kernel for Collect {
    fn name(&self) -> &'static str {
        "collect"
    }

    fn tag(&self) -> u8 {
        15
    }

    fn algebra(&self) -> Algebra {
        Algebra::Ordered
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.map(lists::list_type)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let ending = Ending::Most(input.size(self, "most")?);
        Ok(Endings::boxed(input.defined(self)?, ending))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        let ending = Ending::Most(input.size(self, "most")?);
        Ok(summary::boxed(self, input, Latest::new(input.stored(self)?, ending)))
    }
}
