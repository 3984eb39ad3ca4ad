//! What `count` and `rate` keep: how many rows there are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, Int64Array};

use crate::bytes::{Reader, write_count};
use crate::error::AggregateError;
use crate::kernel::Sliding;
use crate::ranges::Ranges;
use crate::summary::State;

/// Turns numbers of rows in a window of a length in microseconds, if it has one, into a column.
pub(crate) type FinishRows = fn(&mut dyn Iterator<Item = usize>, Option<i64>) -> Result<ArrayRef, AggregateError>;

/// The numbers themselves.
pub(crate) fn numbers(
    counts: &mut dyn Iterator<Item = usize>,
    _window: Option<i64>,
) -> Result<ArrayRef, AggregateError> {
    Ok(Arc::new(Int64Array::from_iter_values(counts.map(|count| i64::try_from(count).unwrap_or(i64::MAX)))))
}

/// The numbers over the length of the window in seconds.
#[expect(clippy::cast_precision_loss, reason = "a window holds far fewer than 2^53 rows and microseconds")]
pub(crate) fn rates(counts: &mut dyn Iterator<Item = usize>, window: Option<i64>) -> Result<ArrayRef, AggregateError> {
    let length = window.filter(|length| *length > 0).ok_or(AggregateError::Length { kernel: "rate" })?;
    Ok(Arc::new(Float64Array::from_iter_values(counts.map(|count| count as f64 * 1e6 / length as f64))))
}

/// The length of a range is the number of its rows: nothing needs to be kept.
pub(crate) struct Lengths {
    pub(crate) windows: Vec<Option<i64>>,
    pub(crate) finish: FinishRows,
}

impl Sliding for Lengths {
    fn append(&mut self, _values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        Ok(())
    }

    fn slide(
        &mut self,
        window: usize,
        ranges: Ranges<'_>,
        _outputs: &[usize],
    ) -> Result<Vec<ArrayRef>, AggregateError> {
        Ok(vec![(self.finish)(&mut ranges.lengths(), self.windows[window])?])
    }

    fn release(&mut self, _before: usize) {}

    fn bytes(&self) -> usize {
        0
    }
}

/// The number of rows, or, where `ALL` is false, of present values.
#[derive(Clone)]
pub(crate) struct Rows<const ALL: bool> {
    count: u64,
    finish: FinishRows,
}

impl<const ALL: bool> Rows<ALL> {
    /// No rows.
    pub(crate) fn new(finish: FinishRows) -> Self {
        Rows { count: 0, finish }
    }
}

impl<const ALL: bool> State for Rows<ALL> {
    const ROWS: bool = ALL;

    fn update(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        self.count = self.count.saturating_add(values.len() as u64);
        Ok(())
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        self.count = self.count.saturating_add(later.count);
        Ok(())
    }

    fn finish(&self, window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        let count = usize::try_from(self.count).unwrap_or(usize::MAX);
        (self.finish)(&mut std::iter::once(count), window)
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.count);
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        self.count = reader.count()?;
        Ok(())
    }

    fn bytes(&self) -> usize {
        0
    }
}
