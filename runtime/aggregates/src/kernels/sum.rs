//! `sum`: exact over integers and durations, compensated over floats; 0 where there is no value.

use std::sync::Arc;

use arrow::array::{ArrayRef, DurationMicrosecondArray, Int64Array};
use arrow::datatypes::{DataType, TimeUnit};

use crate::compensated::Compensated;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::sums::Finishes;
use crate::states::totals::Total;
use crate::summary::Summary;

/// The kernel `sum`. Integers give `int64` and fail when the exact sum does not fit; floats give `float64`, where an
/// infinite or NaN value counts only while it is in the window. It is a group over integers, a monoid over floats.
pub(super) struct Sum;

impl Kernel for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn tag(&self) -> u8 {
        11
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

    fn sliding(&self, input: &Input<'_>) -> Result<Box<dyn Sliding>, AggregateError> {
        FINISHES.sliding(self, input)
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        FINISHES.summary(self, input)
    }
}

const FINISHES: Finishes = Finishes { durations: finish_durations, integers: finish_integers, floats: finish_floats };

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
