//! The profile of truth values.

use arrow::array::{ArrayRef, AsArray};
use mlsys_aggregates::{AggregateError, Reader, write_count};
use serde_json::Value;

use super::report::{ColumnReport, TopValue};
use crate::error::DataError;

/// How many values are true, and how many are false: exactly.
#[derive(Clone, Debug, Default)]
pub(super) struct Truths {
    yes: u64,
    no: u64,
}

impl Truths {
    /// Takes present values.
    pub(super) fn update(&mut self, values: &ArrayRef) -> Result<(), DataError> {
        let values = values.as_boolean();
        self.yes += values.true_count() as u64;
        self.no += values.false_count() as u64;
        Ok(())
    }

    pub(super) fn merge(&mut self, other: &Truths) {
        self.yes = self.yes.saturating_add(other.yes);
        self.no = self.no.saturating_add(other.no);
    }

    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub(super) fn report(&self, report: &mut ColumnReport) {
        let mut top: Vec<TopValue> = [("true", self.yes), ("false", self.no)]
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(value, count)| TopValue { value: value.to_owned(), count, most: None })
            .collect();
        top.sort_by_key(|value| std::cmp::Reverse(value.count));
        report.distinct = Some(top.len() as u64);
        report.top = top;
        let count = self.yes.saturating_add(self.no);
        report.mean = (count > 0).then(|| Value::from(self.yes as f64 / count as f64));
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.yes);
        write_count(out, self.no);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        Ok(Truths { yes: reader.count()?, no: reader.count()? })
    }
}
