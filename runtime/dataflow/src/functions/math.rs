//! Functions of floats. They are computed in Rust rather than by the system's library, so that a program gives the same
//! rows on every machine.

use super::Function;
use super::columns::{float, of_one, of_two};

macro_rules! of_one {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $apply:expr) => {
        $(#[$doc])*
        pub(super) const $constant: Function =
            Function { name: $name, arity: 1, returns: float, apply: |args| of_one(args, $apply) };
    };
}

macro_rules! of_two {
    ($(#[$doc:meta])* $constant:ident, $name:literal, $apply:expr) => {
        $(#[$doc])*
        pub(super) const $constant: Function =
            Function { name: $name, arity: 2, returns: float, apply: |args| of_two(args, $apply) };
    };
}

of_one!(/// `abs(x)`.
    ABS, "abs", f64::abs);
of_one!(/// `sign(x)`: -1, 0 or 1; NaN for NaN.
    SIGN, "sign", sign);
of_one!(/// `sqrt(x)`; NaN below zero.
    SQRT, "sqrt", f64::sqrt);
of_one!(/// `exp(x)`.
    EXP, "exp", libm::exp);
of_one!(/// `expm1(x)`: `exp(x) - 1` without loss near zero.
    EXPM1, "expm1", libm::expm1);
of_one!(/// `ln(x)`; NaN below zero.
    LN, "ln", libm::log);
of_one!(/// `log1p(x)`: `ln(1 + x)` without loss near zero.
    LOG1P, "log1p", libm::log1p);
of_one!(/// `log10(x)`; NaN below zero.
    LOG10, "log10", libm::log10);
of_one!(/// `floor(x)`.
    FLOOR, "floor", f64::floor);
of_one!(/// `ceil(x)`.
    CEIL, "ceil", f64::ceil);
of_one!(/// `sin(x)`, radians.
    SIN, "sin", libm::sin);
of_one!(/// `cos(x)`, radians.
    COS, "cos", libm::cos);
of_one!(/// `tan(x)`, radians.
    TAN, "tan", libm::tan);
of_one!(/// `asin(x)`, radians; NaN outside of -1 to 1.
    ASIN, "asin", libm::asin);
of_one!(/// `acos(x)`, radians; NaN outside of -1 to 1.
    ACOS, "acos", libm::acos);
of_one!(/// `atan(x)`, radians.
    ATAN, "atan", libm::atan);
of_one!(/// `tanh(x)`.
    TANH, "tanh", libm::tanh);
of_two!(/// `atan2(y, x)`, radians.
    ATAN2, "atan2", libm::atan2);
of_two!(/// `pow(x, y)`.
    POW, "pow", libm::pow);
of_two!(/// `least(a, b)`; NaN if one of them is.
    LEAST, "least", |a, b| if a.is_nan() || (!b.is_nan() && a.total_cmp(&b).is_le()) { a } else { b });
of_two!(/// `greatest(a, b)`; NaN if one of them is.
    GREATEST, "greatest", |a, b| if a.is_nan() || (!b.is_nan() && a.total_cmp(&b).is_ge()) { a } else { b });

fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x.abs() } else { x.signum() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Float64Array};
    use arrow::datatypes::Float64Type;

    use super::*;

    fn at(function: Function, args: &[f64]) -> f64 {
        let columns: Vec<ArrayRef> =
            args.iter().map(|arg| Arc::new(Float64Array::from(vec![*arg])) as ArrayRef).collect();
        (function.apply)(&columns).as_primitive::<Float64Type>().value(0)
    }

    #[test]
    fn nan_stays_nan() {
        let one = [ABS, SIGN, SQRT, EXP, EXPM1, LN, LOG1P, LOG10, FLOOR, CEIL, SIN, COS, TAN, ASIN, ACOS, ATAN, TANH];
        assert!(one.iter().all(|function| at(*function, &[f64::NAN]).is_nan()));
        assert!([ATAN2, POW].iter().all(|function| at(*function, &[f64::NAN, 2.0]).is_nan()));
    }

    #[test]
    fn what_has_no_value_is_nan_and_what_is_too_large_infinite() {
        assert!(at(SQRT, &[-1.0]).is_nan() && at(LN, &[-1.0]).is_nan() && at(ASIN, &[1.5]).is_nan());
        assert_eq!((at(LN, &[0.0]), at(EXP, &[1000.0]), at(EXP, &[-1000.0])), (f64::NEG_INFINITY, f64::INFINITY, 0.0));
        assert_eq!((at(POW, &[0.0, 0.0]), at(POW, &[10.0, 400.0])), (1.0, f64::INFINITY));
    }

    #[test]
    fn signs_and_extremes_of_zeros_and_nan() {
        assert_eq!([-0.0, -5e-324, f64::INFINITY].map(|x| at(SIGN, &[x])), [0.0, -1.0, 1.0]);
        assert!(at(LEAST, &[1.0, f64::NAN]).is_nan() && at(GREATEST, &[f64::NAN, 1.0]).is_nan());
        assert!(at(LEAST, &[0.0, -0.0]).is_sign_negative() && at(GREATEST, &[-0.0, 0.0]).is_sign_positive());
    }
}
