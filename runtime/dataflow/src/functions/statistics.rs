//! Functions of statistics.

use std::f64::consts::SQRT_2;
use std::sync::Arc;

use arrow::array::Float64Array;
use arrow::datatypes::DataType::Float64;

use super::Function;
use super::columns::{float, floats, of_one, signature};

/// `normal_cdf(x) -> float64`: `erfc(-x / sqrt(2)) / 2` (Abramowitz and Stegun, "Handbook of Mathematical Functions",
/// 1964, chapters 7 and 26), which keeps its precision where `1 + erf` would cancel.
pub(super) const NORMAL_CDF: Function = Function {
    name: "normal_cdf",
    arity: 1,
    returns: float,
    apply: |args| of_one(args, |x| libm::erfc(-x / SQRT_2) / 2.0),
};

/// `safe_ratio(a, b) -> float64?`: null where `b` is zero.
pub(super) const SAFE_RATIO: Function = Function {
    name: "safe_ratio",
    arity: 2,
    returns: |args| signature(args, &[Float64, Float64], Float64),
    apply: |args| {
        let pairs = floats(&args[0]).zip(floats(&args[1]));
        let ratio = |(a, b): (Option<f64>, Option<f64>)| b.filter(|b| *b != 0.0).and_then(|b| Some(a? / b));
        Arc::new(pairs.map(ratio).collect::<Float64Array>())
    },
};

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Float64Array};
    use arrow::datatypes::Float64Type;

    use super::{NORMAL_CDF, SAFE_RATIO};

    fn column(values: &[Option<f64>]) -> ArrayRef {
        Arc::new(Float64Array::from(values.to_vec()))
    }

    #[test]
    fn far_tails_keep_their_precision() {
        let found = (NORMAL_CDF.apply)(&[column(&[-10.0, 10.0, f64::NEG_INFINITY, f64::INFINITY].map(Some))]);
        let found = found.as_primitive::<Float64Type>().values().to_vec();
        assert!((found[0] / 7.619_853_024_160_527e-24 - 1.0).abs() < 1e-13, "{}", found[0]);
        assert_eq!(found[1..], [1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_ratio_to_nothing_is_missing() {
        let left = column(&[Some(1.0), Some(0.0), None, Some(1.0), Some(1.0)]);
        let right = column(&[Some(0.0), Some(-0.0), Some(1.0), None, Some(f64::INFINITY)]);
        let found: Vec<Option<f64>> = (SAFE_RATIO.apply)(&[left, right]).as_primitive::<Float64Type>().iter().collect();
        assert_eq!(found, [None, None, None, None, Some(0.0)]);
    }
}
