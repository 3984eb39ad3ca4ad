//! `ewma`: the mean with weights that halve with every `half_life` before the moment that is asked for; null where there is
//! no value.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::decay::{Decay, weighted_mean};
use crate::states::floats::{self, Run};
use crate::summary::{self, Summary};

/// The kernel `ewma`: the sum of `w x` over that of `w` with `w = 2^-(age / half_life)`, which does not depend on the moment
/// from which ages are counted. A NaN, or infinite values of both signs, make it NaN and an infinite value makes it infinite
/// while it is in the window, however little it weighs.
pub(super) struct Ewma;

impl Kernel for Ewma {
    fn name(&self) -> &'static str {
        "ewma"
    }

    fn tag(&self) -> u8 {
        16
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn reads_time(&self) -> bool {
        true
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        floats::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        input.defined(self)?;
        let half_life = input.duration(self, "half_life")?;
        Ok(floats::sliding(input, Decay { half_life }, weighted_mean))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        input.defined(self)?;
        let half_life = input.duration(self, "half_life")?;
        Ok(summary::boxed(self, input, Run::new(Decay { half_life }, weighted_mean)))
    }
}
