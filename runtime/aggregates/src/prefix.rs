//! The group kernels' window: exact prefix sums, shared by every window, of which two are looked up per range.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, DurationMicrosecondType, Int32Type, Int64Type, TimeUnit};

use crate::kernel::{AggregateError, Sliding};
use crate::ranges::Ranges;
use crate::retained::Retained;

/// Turns the exact sum over each range and the number of values in it into results.
pub(crate) type Finish = fn(&mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError>;

/// The exact sum of the values of a range, and how many they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Total {
    pub(crate) sum: i128,
    pub(crate) count: usize,
}

/// Whether values of a type can be summed exactly: integers, durations (microseconds) and truth values (0 and 1).
pub(crate) fn is_exact(ty: &DataType) -> bool {
    matches!(ty, DataType::Int32 | DataType::Int64 | DataType::Boolean | DataType::Duration(TimeUnit::Microsecond))
}

/// A group kernel at work.
pub(crate) struct PrefixSums {
    /// At each position, the sum of all values before it.
    sums: Retained<i128>,
    finish: Finish,
}

impl PrefixSums {
    pub(crate) fn boxed(finish: Finish) -> Box<dyn Sliding> {
        let mut sums = Retained::default();
        sums.extend([0]);
        Box::new(PrefixSums { sums, finish })
    }

    fn extend(&mut self, values: impl Iterator<Item = i128>) {
        let mut sum = self.sums[self.sums.end() - 1];
        self.sums.extend(values.map(|value| {
            sum += value;
            sum
        }));
    }
}

impl Sliding for PrefixSums {
    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        match values.data_type() {
            DataType::Int32 => self.extend(values.as_primitive::<Int32Type>().values().iter().map(|v| i128::from(*v))),
            DataType::Int64 => self.extend(values.as_primitive::<Int64Type>().values().iter().map(|v| i128::from(*v))),
            DataType::Duration(TimeUnit::Microsecond) => {
                let values = values.as_primitive::<DurationMicrosecondType>().values();
                self.extend(values.iter().map(|value| i128::from(*value)));
            }
            DataType::Boolean => self.extend(values.as_boolean().values().iter().map(i128::from)),
            other => return Err(AggregateError::unexpected("an exact number", other)),
        }
        Ok(())
    }

    fn slide(&mut self, _window: usize, ranges: Ranges<'_>) -> Result<ArrayRef, AggregateError> {
        let sums = &self.sums;
        let mut totals = ranges.iter().map(|(low, high)| Total { sum: sums[high] - sums[low], count: high - low });
        (self.finish)(&mut totals)
    }

    fn release(&mut self, before: usize) {
        self.sums.release(before);
    }

    fn bytes(&self) -> usize {
        self.sums.bytes()
    }
}
