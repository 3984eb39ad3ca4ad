//! Arithmetic on timestamps and durations that gives null where the result is out of range.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, DurationMicrosecondType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};

use super::Function;
use crate::types::timestamp;

const DURATION: DataType = DataType::Duration(TimeUnit::Microsecond);

/// `timestamp + duration` and `duration + duration`.
pub(crate) const ADD_TIME: Function = Function {
    name: "add_time",
    arity: 2,
    returns: |args| match args {
        [moment @ DataType::Timestamp(TimeUnit::Microsecond, _), DURATION] => Some(moment.clone()),
        [DURATION, DURATION] => Some(DURATION),
        _ => None,
    },
    apply: |args| {
        let result = if args[0].data_type() == &DURATION { DURATION } else { timestamp() };
        combine(args, &result, i64::checked_add)
    },
};

/// `timestamp - duration`, `timestamp - timestamp` (a duration) and `duration - duration`.
pub(crate) const SUBTRACT_TIME: Function = Function {
    name: "subtract_time",
    arity: 2,
    returns: |args| match args {
        [moment @ DataType::Timestamp(TimeUnit::Microsecond, _), DURATION] => Some(moment.clone()),
        [DURATION, DURATION] => Some(DURATION),
        [DataType::Timestamp(TimeUnit::Microsecond, _), DataType::Timestamp(TimeUnit::Microsecond, _)] => {
            Some(DURATION)
        }
        _ => None,
    },
    apply: |args| {
        let is_shift = args[0].data_type() != &DURATION && args[1].data_type() == &DURATION;
        combine(args, &if is_shift { timestamp() } else { DURATION }, i64::checked_sub)
    },
};

/// `duration * int64` and `duration * float64`, the latter rounded half to even to the microsecond; null for NaN.
pub(crate) const SCALE_DURATION: Function = Function {
    name: "scale_duration",
    arity: 2,
    returns: duration_and_number,
    apply: |args| scale(args, i64::checked_mul, |micros, factor| micros * factor),
};

/// `duration / int64` and `duration / float64`, rounded half to even to the microsecond; null when dividing by zero.
pub(crate) const DIVIDE_DURATION: Function = Function {
    name: "divide_duration",
    arity: 2,
    returns: duration_and_number,
    apply: |args| scale(args, divide_half_even, |micros, divisor| micros / divisor),
};

/// `duration / duration`, a float64 as IEEE division gives it.
pub(crate) const DURATION_RATIO: Function = Function {
    name: "duration_ratio",
    arity: 2,
    returns: |args| matches!(args, [DURATION, DURATION]).then_some(DataType::Float64),
    #[expect(clippy::cast_precision_loss, reason = "a ratio is a float64")]
    apply: |args| {
        let ratio = |(left, right): (Option<i64>, Option<i64>)| Some(left? as f64 / right? as f64);
        let (left, right) = (micros(&args[0]), micros(&args[1]));
        Arc::new(left.iter().zip(&right).map(ratio).collect::<PrimitiveArray<Float64Type>>())
    },
};

fn duration_and_number(arguments: &[DataType]) -> Option<DataType> {
    matches!(arguments, [DURATION, DataType::Int64 | DataType::Float64]).then_some(DURATION)
}

/// Microseconds of timestamps or durations as plain integers.
fn micros(values: &ArrayRef) -> PrimitiveArray<Int64Type> {
    match values.data_type() {
        DataType::Timestamp(_, _) => values.as_primitive::<TimestampMicrosecondType>().reinterpret_cast(),
        DataType::Duration(_) => values.as_primitive::<DurationMicrosecondType>().reinterpret_cast(),
        _ => values.as_primitive::<Int64Type>().clone(),
    }
}

fn combine(args: &[ArrayRef], result: &DataType, apply: fn(i64, i64) -> Option<i64>) -> ArrayRef {
    let (left, right) = (micros(&args[0]), micros(&args[1]));
    let values: PrimitiveArray<Int64Type> = left.iter().zip(&right).map(|(left, right)| apply(left?, right?)).collect();
    if result == &DURATION {
        Arc::new(values.reinterpret_cast::<DurationMicrosecondType>())
    } else {
        let moments: PrimitiveArray<TimestampMicrosecondType> = values.reinterpret_cast();
        Arc::new(moments.with_data_type(result.clone()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "the product with a float is a float before it is rounded")]
fn scale(args: &[ArrayRef], exact: fn(i64, i64) -> Option<i64>, inexact: fn(f64, f64) -> f64) -> ArrayRef {
    if args[1].data_type() == &DataType::Int64 {
        return combine(args, &DURATION, exact);
    }
    let (micros, factors) = (micros(&args[0]), args[1].as_primitive::<Float64Type>());
    let scaled = micros.iter().zip(factors).map(|(micros, factor)| round(inexact(micros? as f64, factor?)));
    Arc::new(scaled.collect::<PrimitiveArray<DurationMicrosecondType>>())
}

/// The nearest integer, half to even; none for NaN and for what does not fit.
#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the range is checked before")]
fn round(value: f64) -> Option<i64> {
    let rounded = value.round_ties_even();
    // `i64::MAX as f64` is 2^63, the first float that does not fit.
    (rounded >= i64::MIN as f64 && rounded < i64::MAX as f64).then_some(rounded as i64)
}

fn divide_half_even(dividend: i64, divisor: i64) -> Option<i64> {
    let (dividend, divisor) = (i128::from(dividend), i128::from(divisor));
    if divisor == 0 {
        return None;
    }
    let (dividend, divisor) = (dividend * divisor.signum(), divisor.abs());
    let (floor, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    let up = rest * 2 > divisor || (rest * 2 == divisor && floor % 2 != 0);
    i64::try_from(floor + i128::from(up)).ok()
}

#[cfg(test)]
mod tests {
    use super::{divide_half_even, round};

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0.5, 1.5, -0.5, -1.5, 2.4].map(round), [Some(0), Some(2), Some(0), Some(-2), Some(2)]);
        assert_eq!([f64::NAN, f64::INFINITY, 1e19, -1e19].map(round), [None; 4]);
        assert_eq!(round(i64::MIN as f64), Some(i64::MIN));
        let halves = [(5, 2), (7, 2), (-5, 2), (5, -2), (-7, -2)].map(|(a, b)| divide_half_even(a, b));
        assert_eq!(halves, [Some(2), Some(4), Some(-2), Some(-2), Some(4)]);
        assert_eq!(divide_half_even(1, 0), None);
        assert_eq!(divide_half_even(i64::MIN, -1), None);
    }
}
