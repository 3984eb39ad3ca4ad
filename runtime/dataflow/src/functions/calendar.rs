//! What the clock and the calendar say of an instant, in UTC.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray};
use arrow::datatypes::{DataType, Int32Type, TimeUnit, TimestampMicrosecondType};

use super::Function;

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

#[cfg(test)]
mod tests {
    use super::{DAY, weekday};

    #[test]
    fn weekdays_before_and_after_1970() {
        assert_eq!(weekday(0), 4);
        assert_eq!(weekday(-1), 3);
        // 2013-09-01 was a Sunday.
        assert_eq!(weekday(15_949 * DAY), 7);
        assert_eq!(weekday(15_950 * DAY), 1);
    }
}
