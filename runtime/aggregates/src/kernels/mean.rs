//! `mean`: of numbers, durations, or truth values (the share of those that are true); null where there is no value.

use std::sync::Arc;

use arrow::array::{ArrayRef, DurationMicrosecondArray, Float64Array};
use arrow::datatypes::{DataType, TimeUnit};

use crate::compensated::Compensated;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Algebra, Kernel, Sliding};
use crate::states::sums::Finishes;
use crate::states::totals::Total;
use crate::summary::Summary;

/// The kernel `mean`. The sum is exact over integers and compensated over floats, and is divided once. A mean of
/// durations is rounded half to even to the microsecond.
pub(super) struct Mean;

impl Kernel for Mean {
    fn name(&self) -> &'static str {
        "mean"
    }

    fn tag(&self) -> u8 {
        8
    }

    fn algebra(&self) -> Algebra {
        Algebra::Monoid
    }

    fn output(&self, argument: Option<&DataType>) -> Option<DataType> {
        match argument? {
            DataType::Boolean | DataType::Int32 | DataType::Int64 | DataType::Float32 | DataType::Float64 => {
                Some(DataType::Float64)
            }
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

const FINISHES: Finishes = Finishes { durations: finish_durations, integers: finish_numbers, floats: finish_floats };

#[expect(clippy::cast_precision_loss, reason = "the result is a float64, rounded once from the exact sum")]
fn finish_numbers(totals: &mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError> {
    let means = totals.map(|total| (total.count > 0).then(|| total.sum as f64 / total.count as f64));
    Ok(Arc::new(means.collect::<Float64Array>()))
}

fn finish_durations(totals: &mut dyn Iterator<Item = Total>) -> Result<ArrayRef, AggregateError> {
    let means = totals.map(|total| (total.count > 0).then(|| divide_half_even(total.sum, total.count as i128)));
    Ok(Arc::new(means.collect::<DurationMicrosecondArray>()))
}

/// The mean of `int64` values lies between the least and the greatest of them, so the quotient fits.
fn divide_half_even(sum: i128, count: i128) -> i64 {
    let (floor, rest) = (sum.div_euclid(count), sum.rem_euclid(count));
    let up = rest * 2 > count || (rest * 2 == count && floor % 2 != 0);
    i64::try_from(floor + i128::from(up)).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a window holds far fewer than 2^53 rows")]
fn finish_floats(sum: Option<Compensated>, count: usize) -> Option<f64> {
    sum.map(|sum| sum.value() / count as f64)
}
