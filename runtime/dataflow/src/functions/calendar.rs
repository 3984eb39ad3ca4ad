//! What the clock and the calendar say of an instant, in UTC.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, PrimitiveArray, new_null_array};
use arrow::compute::kernels::temporal::{DatePart, date_part};
use arrow::datatypes::{DataType, Date32Type, Int32Type, TimeUnit, TimestampMicrosecondType};

use super::Function;
use super::columns::signature;
use crate::types::timestamp;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// `hour_of_day(timestamp) -> int32`: 0 to 23.
pub(super) const HOUR_OF_DAY: Function = Function {
    name: "hour_of_day",
    arity: 1,
    returns: integer,
    apply: |args| number(args, |t| t.rem_euclid(DAY) / HOUR),
};

/// `minute_of_day(timestamp) -> int32`: 0 to 1439.
pub(super) const MINUTE_OF_DAY: Function = Function {
    name: "minute_of_day",
    arity: 1,
    returns: integer,
    apply: |args| number(args, |t| t.rem_euclid(DAY) / MINUTE),
};

/// `day_of_week(timestamp) -> int32`: 1 is Monday, 7 is Sunday.
pub(super) const DAY_OF_WEEK: Function =
    Function { name: "day_of_week", arity: 1, returns: integer, apply: |args| number(args, weekday) };

/// `is_weekend(timestamp) -> bool`: Saturday or Sunday.
pub(super) const IS_WEEKEND: Function = Function {
    name: "is_weekend",
    arity: 1,
    returns: |args| is_timestamp(args).then_some(DataType::Boolean),
    apply: |args| {
        let instants = args[0].as_primitive::<TimestampMicrosecondType>();
        Arc::new(BooleanArray::from_unary(instants, |t| weekday(t) >= 6))
    },
};

/// `day_of_month(timestamp) -> int32`: 1 to 31.
pub(super) const DAY_OF_MONTH: Function =
    Function { name: "day_of_month", arity: 1, returns: integer, apply: |args| part(args, DatePart::Day) };

/// `day_of_year(timestamp) -> int32`: 1 to 366.
pub(super) const DAY_OF_YEAR: Function =
    Function { name: "day_of_year", arity: 1, returns: integer, apply: |args| part(args, DatePart::DayOfYear) };

/// `week_of_year(timestamp) -> int32`: 1 to 53, as ISO 8601 counts.
pub(super) const WEEK_OF_YEAR: Function =
    Function { name: "week_of_year", arity: 1, returns: integer, apply: |args| part(args, DatePart::Week) };

/// `month(timestamp) -> int32`: 1 to 12.
pub(super) const MONTH: Function =
    Function { name: "month", arity: 1, returns: integer, apply: |args| part(args, DatePart::Month) };

/// `quarter(timestamp) -> int32`: 1 to 4.
pub(super) const QUARTER: Function =
    Function { name: "quarter", arity: 1, returns: integer, apply: |args| part(args, DatePart::Quarter) };

/// `year(timestamp) -> int32`.
pub(super) const YEAR: Function =
    Function { name: "year", arity: 1, returns: integer, apply: |args| part(args, DatePart::Year) };

/// `date(timestamp) -> date`.
pub(super) const DATE: Function = Function {
    name: "date",
    arity: 1,
    returns: |args| is_timestamp(args).then_some(DataType::Date32),
    #[expect(clippy::cast_possible_truncation, reason = "timestamps reach 106,751,991 days")]
    apply: |args| {
        let instants = args[0].as_primitive::<TimestampMicrosecondType>();
        Arc::new(instants.unary::<_, Date32Type>(|t| t.div_euclid(DAY) as i32))
    },
};

/// `timestamp_of(date) -> timestamp`: the first instant of the day; null past the end of timestamps.
pub(super) const TIMESTAMP_OF: Function = Function {
    name: "timestamp_of",
    arity: 1,
    returns: |args| signature(args, &[DataType::Date32], timestamp()),
    apply: |args| {
        let days = args[0].as_primitive::<Date32Type>();
        let instants: PrimitiveArray<TimestampMicrosecondType> = days.unary_opt(|day| i64::from(day).checked_mul(DAY));
        Arc::new(instants.with_data_type(timestamp()))
    },
};

/// Day 0, 1970-01-01, was a Thursday.
fn weekday(micros: i64) -> i64 {
    (micros.div_euclid(DAY) + 3).rem_euclid(7) + 1
}

fn is_timestamp(arguments: &[DataType]) -> bool {
    matches!(arguments, [DataType::Timestamp(TimeUnit::Microsecond, _)])
}

fn integer(arguments: &[DataType]) -> Option<DataType> {
    is_timestamp(arguments).then_some(DataType::Int32)
}

#[expect(clippy::cast_possible_truncation, reason = "every result is below 1440")]
fn number(args: &[ArrayRef], apply: fn(i64) -> i64) -> ArrayRef {
    let instants = args[0].as_primitive::<TimestampMicrosecondType>();
    Arc::new(instants.unary::<_, Int32Type>(|t| apply(t) as i32))
}

/// A part of the date as Arrow computes it; null outside of the years that its calendar knows.
fn part(args: &[ArrayRef], part: DatePart) -> ArrayRef {
    // Without the zone's name Arrow takes instants as they are, which is UTC.
    let instants = args[0].as_primitive::<TimestampMicrosecondType>().clone().with_timezone_opt(None::<Arc<str>>);
    date_part(&instants, part).unwrap_or_else(|_| new_null_array(&DataType::Int32, instants.len()))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Date32Array, TimestampMicrosecondArray};

    use super::*;

    fn instants(values: &[i64]) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC"))
    }

    fn numbers(function: Function, values: &[i64]) -> Vec<Option<i32>> {
        (function.apply)(&[instants(values)]).as_primitive::<Int32Type>().iter().collect()
    }

    #[test]
    fn parts_of_days_around_1970_and_in_leap_years() {
        // 1969-12-31T23:59:59.999999Z, 1970-01-01, 2000-02-29, 2100-03-01 (1900 and 2100 are no leap years).
        let days = [-1, 0, 11_016 * DAY, 47_541 * DAY];
        assert_eq!(numbers(YEAR, &days), [Some(1969), Some(1970), Some(2000), Some(2100)]);
        assert_eq!(numbers(MONTH, &days), [Some(12), Some(1), Some(2), Some(3)]);
        assert_eq!(numbers(QUARTER, &days), [Some(4), Some(1), Some(1), Some(1)]);
        assert_eq!(numbers(DAY_OF_MONTH, &days), [Some(31), Some(1), Some(29), Some(1)]);
        assert_eq!(numbers(DAY_OF_YEAR, &days), [Some(365), Some(1), Some(60), Some(60)]);
        assert_eq!(numbers(WEEK_OF_YEAR, &days), [Some(1), Some(1), Some(9), Some(9)]);
    }

    #[test]
    fn the_ends_of_time_give_null_and_never_fail() {
        let ends = [i64::MIN, i64::MAX];
        for function in [YEAR, MONTH, QUARTER, DAY_OF_MONTH, DAY_OF_YEAR, WEEK_OF_YEAR] {
            assert_eq!(numbers(function, &ends), [None, None], "{}", function.name);
        }
        for function in [HOUR_OF_DAY, MINUTE_OF_DAY, DAY_OF_WEEK] {
            assert!(numbers(function, &ends).iter().all(Option::is_some), "{}", function.name);
        }
    }

    #[test]
    fn dates_and_their_first_instants() {
        let dates = (DATE.apply)(&[instants(&[-1, 0, DAY - 1, i64::MIN, i64::MAX])]);
        let expected = [-1, 0, 0, -106_751_992, 106_751_991];
        assert_eq!(dates.as_primitive::<Date32Type>().values(), &expected);
        let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(-1), None, Some(i32::MAX), Some(i32::MIN)]));
        let found = (TIMESTAMP_OF.apply)(&[days]);
        assert_eq!(found.data_type(), &timestamp());
        let found: Vec<Option<i64>> = found.as_primitive::<TimestampMicrosecondType>().iter().collect();
        assert_eq!(found, [Some(-DAY), None, None, None]);
    }

    #[test]
    fn weekdays_before_and_after_1970() {
        assert_eq!(weekday(0), 4);
        assert_eq!(weekday(-1), 3);
        // 2013-09-01 was a Sunday.
        assert_eq!(weekday(15_949 * DAY), 7);
        assert_eq!(weekday(15_950 * DAY), 1);
    }
}
