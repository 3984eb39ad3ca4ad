//! `sum`: exact over integers and durations, compensated over floats; 0 where there is no value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, DurationMicrosecondArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Float32Type, Float64Type, TimeUnit};

use crate::compensated::Compensated;
use crate::kernel::{AggregateError, Algebra, Kernel, Sliding};
use crate::prefix::{PrefixSums, Total, is_exact};
use crate::queue::{Monoid, Queue};
use crate::ranges::Ranges;
use crate::retained::Retained;

/// The kernel `sum`. Integers give `int64` and fail when the exact sum does not fit; floats give `float64`, where an
/// infinite or NaN value counts only while it is in the window. It is a group over integers, a monoid over floats.
pub(super) struct Sum;

impl Kernel for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        match argument? {
            DataType::Int32 | DataType::Int64 => Some(DataType::Int64),
            DataType::Float32 | DataType::Float64 => Some(DataType::Float64),
            duration @ DataType::Duration(TimeUnit::Microsecond) => Some(duration.clone()),
            _ => None,
        }
    }

    fn sliding(&self, argument: Option<&DataType>, windows: usize) -> Result<Box<dyn Sliding>, AggregateError> {
        match (argument, self.output(argument)) {
            (Some(DataType::Duration(_)), Some(_)) => Ok(PrefixSums::boxed(finish_durations)),
            (Some(ty), Some(_)) if is_exact(ty) => Ok(PrefixSums::boxed(finish_integers)),
            (Some(_), Some(_)) => Ok(FloatSums::boxed(windows, finish_floats)),
            _ => Err(AggregateError::undefined(self.name(), argument)),
        }
    }
}

fn finish_integers(totals: &mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError> {
    let sums: Vec<i64> = totals.map(|total| narrow(total.sum, "int64")).collect::<Result<_, _>>()?;
    Ok(Arc::new(Int64Array::from(sums)))
}

fn finish_durations(totals: &mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError> {
    let sums: Vec<i64> = totals.map(|total| narrow(total.sum, "duration")).collect::<Result<_, _>>()?;
    Ok(Arc::new(DurationMicrosecondArray::from(sums)))
}

fn narrow(value: i128, output: &'static str) -> Result<i64, AggregateError> {
    i64::try_from(value).map_err(|_| AggregateError::Overflow { kernel: "sum", value, output })
}

fn finish_floats(sum: Option<Compensated>, _count: usize) -> Option<f64> {
    Some(sum.map_or(0.0, Compensated::value))
}

/// Turns the sum over a range, if it is not empty, and the number of values in it into a result.
pub(super) type FinishFloat = fn(Option<Compensated>, usize) -> Option<f64>;

/// Floating-point values, summed in a two-stack queue per window.
pub(super) struct FloatSums {
    values: FloatValues,
    windows: Vec<Queue<Compensated>>,
    finish: FinishFloat,
}

struct FloatValues(Retained<f64>);

impl FloatSums {
    pub(super) fn boxed(windows: usize, finish: FinishFloat) -> Box<dyn Sliding> {
        let windows = (0..windows).map(|_| Queue::default()).collect();
        Box::new(FloatSums { values: FloatValues(Retained::default()), windows, finish })
    }
}

impl Monoid for FloatValues {
    type State = Compensated;

    fn lift(&self, position: usize) -> Compensated {
        Compensated::from(self.0[position])
    }

    fn merge(&self, earlier: Compensated, later: Compensated) -> Compensated {
        earlier.merge(later)
    }
}

impl Sliding for FloatSums {
    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        match values.data_type() {
            DataType::Float64 => self.values.0.extend_from_slice(values.as_primitive::<Float64Type>().values()),
            DataType::Float32 => {
                let values = values.as_primitive::<Float32Type>().values();
                self.values.0.extend(values.iter().map(|value| f64::from(*value)));
            }
            other => return Err(AggregateError::unexpected("a float", other)),
        }
        Ok(())
    }

    fn slide(&mut self, window: usize, ranges: Ranges<'_>) -> Result<ArrayRef, AggregateError> {
        let sums = self.windows[window].slide(&self.values, ranges);
        let results = sums.into_iter().zip(ranges.lengths()).map(|(sum, count)| (self.finish)(sum, count));
        Ok(Arc::new(results.collect::<Float64Array>()))
    }

    fn release(&mut self, before: usize) {
        self.values.0.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.0.bytes() + self.windows.iter().map(Queue::bytes).sum::<usize>()
    }
}
