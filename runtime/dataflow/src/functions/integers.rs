//! Integer arithmetic that gives null where the result is not in the type's range.

use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Int32Type, Int64Type};

use super::Function;
use super::columns::signature;

/// `a + b`; null on overflow.
pub(crate) const ADD: Function =
    Function { name: "checked_add", arity: 2, returns, apply: |args| binary(args, i32::checked_add, i64::checked_add) };

/// `a - b`; null on overflow.
pub(crate) const SUBTRACT: Function = Function {
    name: "checked_subtract",
    arity: 2,
    returns,
    apply: |args| binary(args, i32::checked_sub, i64::checked_sub),
};

/// `a * b`; null on overflow.
pub(crate) const MULTIPLY: Function = Function {
    name: "checked_multiply",
    arity: 2,
    returns,
    apply: |args| binary(args, i32::checked_mul, i64::checked_mul),
};

/// `a // b`, rounded towards negative infinity; null when `b` is zero and on overflow.
pub(crate) const FLOOR_DIVIDE: Function = Function {
    name: "floor_divide",
    arity: 2,
    returns,
    apply: |args| binary(args, |a, b| floor_divide(a.into(), b.into()).and_then(|q| q.try_into().ok()), floor_divide),
};

/// `div(a, b) -> int64?`: as `a // b`.
pub(super) const DIV: Function = Function {
    name: "div",
    arity: 2,
    returns: |args| signature(args, &[DataType::Int64, DataType::Int64], DataType::Int64),
    apply: |args| combine::<Int64Type>(args, floor_divide),
};

/// `mod(a, b) -> int64?`: what `div` leaves, with the sign of `b`; null when `b` is zero.
pub(super) const MOD: Function = Function {
    name: "mod",
    arity: 2,
    returns: |args| signature(args, &[DataType::Int64, DataType::Int64], DataType::Int64),
    apply: |args| combine::<Int64Type>(args, floor_remainder),
};

/// `-a`; null on overflow.
pub(crate) const NEGATE: Function = Function { name: "checked_negate", arity: 1, returns, apply: negate };

fn returns(arguments: &[DataType]) -> Option<DataType> {
    let first = arguments.first().filter(|ty| matches!(ty, DataType::Int32 | DataType::Int64))?;
    arguments.iter().all(|ty| ty == first).then(|| first.clone())
}

fn floor_divide(dividend: i64, divisor: i64) -> Option<i64> {
    let quotient = dividend.checked_div(divisor)?;
    let inexact = dividend % divisor != 0;
    Some(quotient - i64::from(inexact && (dividend < 0) != (divisor < 0)))
}

/// The quotient may overflow where the remainder does not: `i64::MIN` by -1 leaves 0.
fn floor_remainder(dividend: i64, divisor: i64) -> Option<i64> {
    if divisor == 0 {
        return None;
    }
    let remainder = dividend.wrapping_rem(divisor);
    let is_other_sign = remainder != 0 && (remainder < 0) != (divisor < 0);
    Some(if is_other_sign { remainder + divisor } else { remainder })
}

fn binary(args: &[ArrayRef], narrow: fn(i32, i32) -> Option<i32>, wide: fn(i64, i64) -> Option<i64>) -> ArrayRef {
    match args[0].data_type() {
        DataType::Int32 => combine::<Int32Type>(args, narrow),
        _ => combine::<Int64Type>(args, wide),
    }
}

fn combine<T: ArrowPrimitiveType>(args: &[ArrayRef], apply: fn(T::Native, T::Native) -> Option<T::Native>) -> ArrayRef {
    let (left, right) = (args[0].as_primitive::<T>(), args[1].as_primitive::<T>());
    let results = left.iter().zip(right).map(|(left, right)| apply(left?, right?));
    Arc::new(results.collect::<PrimitiveArray<T>>())
}

fn negate(args: &[ArrayRef]) -> ArrayRef {
    match args[0].data_type() {
        DataType::Int32 => Arc::new(args[0].as_primitive::<Int32Type>().unary_opt::<_, Int32Type>(i32::checked_neg)),
        _ => Arc::new(args[0].as_primitive::<Int64Type>().unary_opt::<_, Int64Type>(i64::checked_neg)),
    }
}

#[cfg(test)]
mod tests {
    use super::{floor_divide, floor_remainder};

    #[test]
    fn quotients_are_rounded_down() {
        assert_eq!(floor_divide(7, 2), Some(3));
        assert_eq!(floor_divide(-7, 2), Some(-4));
        assert_eq!(floor_divide(7, -2), Some(-4));
        assert_eq!(floor_divide(-8, 2), Some(-4));
        assert_eq!(floor_divide(1, 0), None);
        assert_eq!(floor_divide(i64::MIN, -1), None);
    }

    #[test]
    fn remainders_have_the_sign_of_the_divisor() {
        let remainders = [(7, 3), (-7, 3), (7, -3), (-7, -3), (6, -3)].map(|(a, b)| floor_remainder(a, b));
        assert_eq!(remainders, [Some(1), Some(2), Some(-2), Some(-1), Some(0)]);
        assert_eq!(floor_remainder(1, 0), None);
        assert_eq!(floor_remainder(i64::MIN, -1), Some(0));
        assert_eq!(floor_remainder(i64::MIN, i64::MAX), Some(i64::MAX - 1));
        assert_eq!(floor_remainder(i64::MAX, i64::MIN), Some(-1));
    }
}
