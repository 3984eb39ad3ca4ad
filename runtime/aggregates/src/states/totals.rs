//! What group kernels keep: exact sums. Where windows slide, these are prefix sums, of which two are looked up per range.

use std::any::Any;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, DurationMicrosecondType, Int32Type, Int64Type, TimeUnit};

use crate::bytes::{Reader, write_count};
use crate::error::AggregateError;
use crate::kernel::Sliding;
use crate::ranges::Ranges;
use crate::retained::Retained;
use crate::summary::State;

/// Turns the exact sum over each range and the number of values in it into results.
pub(crate) type Finish = fn(&mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError>;

/// The exact sum of the values of a range, and how many they are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Total {
    pub(crate) sum: i128,
    pub(crate) count: usize,
}

/// Whether values of a type can be summed exactly: integers, durations (microseconds) and truth values (0 and 1).
pub(crate) fn is_exact(ty: &DataType) -> bool {
    matches!(ty, DataType::Int32 | DataType::Int64 | DataType::Boolean | DataType::Duration(TimeUnit::Microsecond))
}

/// Hands over the values of a column.
fn each(values: &ArrayRef, mut visit: impl FnMut(i128)) -> Result<(), AggregateError> {
    match values.data_type() {
        DataType::Int32 => {
            values.as_primitive::<Int32Type>().values().iter().for_each(|value| visit(i128::from(*value)));
        }
        DataType::Int64 => {
            values.as_primitive::<Int64Type>().values().iter().for_each(|value| visit(i128::from(*value)));
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            let values = values.as_primitive::<DurationMicrosecondType>().values();
            values.iter().for_each(|value| visit(i128::from(*value)));
        }
        DataType::Boolean => values.as_boolean().values().iter().for_each(|value| visit(i128::from(value))),
        other => return Err(AggregateError::unexpected("an exact number", other)),
    }
    Ok(())
}

/// A group kernel at work.
struct PrefixSums {
    /// At each position, the sum of all values before it.
    sums: Retained<i128>,
    finishes: Vec<Finish>,
}

/// Windows over a column of exact numbers.
pub(crate) fn sliding(finish: Finish) -> Box<dyn Sliding> {
    let mut sums = Retained::default();
    sums.push(0);
    Box::new(PrefixSums { sums, finishes: vec![finish] })
}

impl Sliding for PrefixSums {
    fn append(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        let mut sum = self.sums[self.sums.end() - 1];
        self.sums.reserve(values.len());
        each(values, |value| {
            sum += value;
            self.sums.push(sum);
        })
    }

    fn slide(
        &mut self,
        _window: usize,
        ranges: Ranges<'_>,
        outputs: &[usize],
    ) -> Result<Vec<ArrayRef>, AggregateError> {
        let sums = &self.sums;
        let total = |(low, high): (usize, usize)| Total { sum: sums[high] - sums[low], count: high - low };
        outputs.iter().map(|output| (self.finishes[*output])(&mut ranges.iter().map(total))).collect()
    }

    fn share(&mut self, other: &dyn Any) -> Option<usize> {
        self.finishes.extend_from_slice(&other.downcast_ref::<Self>()?.finishes);
        Some(self.finishes.len() - 1)
    }

    fn release(&mut self, before: usize) {
        self.sums.release(before);
    }

    fn bytes(&self) -> usize {
        self.sums.bytes()
    }
}

/// One sum.
#[derive(Clone)]
pub(crate) struct Totals {
    total: Total,
    finish: Finish,
}

impl Totals {
    /// The sum of no values.
    pub(crate) fn new(finish: Finish) -> Self {
        Totals { total: Total::default(), finish }
    }
}

impl State for Totals {
    fn update(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        self.total.count = self.total.count.saturating_add(values.len());
        // Sums of fewer than 2^64 values always fit; bytes may claim to be others.
        each(values, |value| self.total.sum = self.total.sum.saturating_add(value))
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        self.total.sum = self.total.sum.saturating_add(later.total.sum);
        self.total.count = self.total.count.saturating_add(later.total.count);
        Ok(())
    }

    fn finish(&self, _window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        (self.finish)(&mut std::iter::once(self.total))
    }

    /// The number of values and their sum.
    fn write(&self, out: &mut Vec<u8>) {
        write_count(out, self.total.count as u64);
        out.extend_from_slice(&self.total.sum.to_le_bytes());
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        self.total.count = reader.length()?;
        self.total.sum = i128::from_le_bytes(reader.array()?);
        let most = i128::try_from(self.total.count).map_or(i128::MAX, |count| count << 63);
        if self.total.sum > most || self.total.sum < -most {
            return Err(reader.error("the sum is too large for the number of values"));
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        0
    }
}
