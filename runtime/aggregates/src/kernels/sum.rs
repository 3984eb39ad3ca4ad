//! `sum`: exact over integers and durations, compensated over floats; 0 where there is no value.

use std::sync::Arc;

use arrow::array::{ArrayRef, DurationMicrosecondArray, Int64Array};
use arrow::datatypes::{DataType, TimeUnit};

use crate::compensated::Compensated;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::floats::{self, Run};
use crate::states::sums::Sums;
use crate::states::totals::{self, Finish, Total, Totals, is_exact};
use crate::summary::{self, Summary};

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
        Ok(match exact(input.defined(self)?) {
            Some(finish) => totals::sliding(finish),
            None => floats::sliding(input, Sums, finish_floats),
        })
    }

    fn summary(&self, input: &Input<'_>) -> Result<Box<dyn Summary>, AggregateError> {
        Ok(match exact(input.defined(self)?) {
            Some(finish) => summary::boxed(self, input, Totals::new(finish)),
            None => summary::boxed(self, input, Run::new(Sums, finish_floats)),
        })
    }
}

/// How an exact total becomes the result, for a type of which it is kept.
fn exact(ty: &DataType) -> Option<Finish> {
    match ty {
        DataType::Duration(_) => Some(finish_durations),
        ty if is_exact(ty) => Some(finish_integers),
        _ => None,
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
