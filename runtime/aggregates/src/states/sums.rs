//! What `sum` and `mean` share: an exact sum where there is one, and a compensated sum of floats.

use arrow::datatypes::DataType;

use super::floats::{self, FinishFloat, Floats, Run};
use super::totals::{self, Finish, Totals, is_exact};
use crate::bytes::{Reader, write_float};
use crate::compensated::Compensated;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Kernel, Sliding};
use crate::summary::{self, Summary};

/// How sums become results.
pub(crate) struct Finishes {
    pub(crate) durations: Finish,
    /// Of integers and truth values.
    pub(crate) integers: Finish,
    pub(crate) floats: FinishFloat<Compensated>,
}

impl Finishes {
    /// As [`Kernel::sliding`].
    pub(crate) fn sliding(&self, kernel: &dyn Kernel, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        Ok(match self.exact(input.defined(kernel)?) {
            Some(finish) => totals::sliding(finish),
            None => floats::sliding(input, Sums, self.floats),
        })
    }

    /// As [`Kernel::summary`].
    pub(crate) fn summary(&self, kernel: &dyn Kernel, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        Ok(match self.exact(input.defined(kernel)?) {
            Some(finish) => summary::boxed(kernel, input, Totals::new(finish)),
            None => summary::boxed(kernel, input, Run::new(Sums, self.floats)),
        })
    }

    /// How an exact total becomes the result, for a type of which it is kept.
    fn exact(&self, ty: &DataType) -> Option<Finish> {
        match ty {
            DataType::Duration(_) => Some(self.durations),
            ty if is_exact(ty) => Some(self.integers),
            _ => None,
        }
    }
}

/// Summaries by their sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums;

impl Floats for Sums {
    type Run = Compensated;

    #[inline]
    fn one(self, value: f64, _time: i64) -> Compensated {
        Compensated::from(value)
    }

    #[inline]
    fn merge(self, earlier: Compensated, later: Compensated) -> Compensated {
        earlier.merge(later)
    }

    fn write(self, run: &Compensated, out: &mut Vec<u8>) {
        run.parts().into_iter().for_each(|part| write_float(out, part));
    }

    fn read(self, reader: &mut Reader<'_>) -> Result<Compensated, AggregateError> {
        Ok(Compensated::from_parts([reader.float()?, reader.float()?]))
    }
}
