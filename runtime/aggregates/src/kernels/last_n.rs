//! `last_n`: the latest `n` present values, the latest last; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::latest::{Ending, Endings, Latest};
use crate::states::lists;
use crate::summary::{self, Summary};

/// The kernel `last_n`, on every type.
pub(super) struct LastN;

impl Kernel for LastN {
    fn name(&self) -> &'static str {
        "last_n"
    }

    fn tag(&self) -> u8 {
        17
    }

    fn algebra(&self) -> Algebra {
        Algebra::Ordered
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        argument.map(lists::list_type)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let ending = Ending::Most(input.size(self, "n")?);
        Ok(Endings::boxed(input.defined(self)?, ending))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        let ending = Ending::Most(input.size(self, "n")?);
        Ok(summary::boxed(self, input, Latest::new(input.stored(self)?, ending)))
    }
}
