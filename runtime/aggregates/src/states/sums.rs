//! What `sum` and `mean` of floats share: a compensated sum.

use super::floats::Floats;
use crate::bytes::{Reader, write_float};
use crate::compensated::Compensated;
use crate::error::AggregateError;

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
