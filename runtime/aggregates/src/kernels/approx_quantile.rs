//! `approx_quantile`: about the value below which a share `q` of the values lies; null where there is none.

use arrow::datatypes::DataType;

use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::bags::{self, Gathered};
use crate::states::buckets::{self, Buckets, NearQuantile};
use crate::states::floats;
use crate::summary::{self, Summary};

/// The kernel `approx_quantile`: within one percent of the value at rank `floor(q (n - 1))` of `n` values, without
/// interpolation, for values of normal magnitude. The result does not depend on how values are split and ordered. NaN is the
/// greatest value, and it, the infinities and zero are exact.
pub(super) struct ApproxQuantile;

impl Kernel for ApproxQuantile {
    fn name(&self) -> &'static str {
        "approx_quantile"
    }

    fn tag(&self) -> u8 {
        14
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        floats::output(argument)
    }

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        let ty = input.defined(self)?;
        let quantile = NearQuantile(input.share(self, "q")?);
        Ok(bags::sliding::<Buckets, _>(ty, buckets::buckets, input.windows.len(), quantile))
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        let ty = input.defined(self)?;
        let quantile = NearQuantile(input.share(self, "q")?);
        Ok(summary::boxed(self, input, Gathered::<Buckets, _>::new(ty, buckets::buckets, quantile)))
    }
}
