//! The profile of personal data: how many different values there are, and none of them.

use arrow::array::ArrayRef;
use mlsys_aggregates::sketches::Distinct;
use mlsys_aggregates::{AggregateError, Reader};

use super::report::ColumnReport;
use crate::error::DataError;

/// What is kept of personal data: a few bits of the hashes of some values. Whoever guesses a value can find from the byte form
/// that it is not among a small number of them, so that stored sketches are to be guarded as the rows are.
#[derive(Clone, Debug, Default)]
pub(super) struct Hidden {
    distinct: Distinct,
}

impl Hidden {
    /// Takes present values.
    pub(super) fn update(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        Ok(self.distinct.add(values)?)
    }

    pub(super) fn merge(&mut self, other: &Hidden) {
        self.distinct.merge(&other.distinct);
    }

    pub(super) fn report(&self, report: &mut ColumnReport) {
        report.distinct = Some(self.distinct.estimate());
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        self.distinct.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        Ok(Hidden { distinct: Distinct::read(reader)? })
    }
}
