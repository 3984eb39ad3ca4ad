//! `round`: to decimal places, and to tens and hundreds.

use std::sync::Arc;

use arrow::array::Float64Array;
use arrow::datatypes::DataType::{Float64, Int64};

use super::Function;
use super::columns::{floats, integers, signature};

/// `round(x, digits) -> float64`, halves to the even neighbour.
pub(super) const ROUND: Function = Function {
    name: "round",
    arity: 2,
    returns: |args| signature(args, &[Float64, Int64], Float64),
    apply: |args| {
        let rows = floats(&args[0]).zip(integers(&args[1]));
        Arc::new(rows.map(|(x, digits)| Some(round(x?, digits?))).collect::<Float64Array>())
    },
};

/// From here on every float is whole: 2^52.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Finer than any float: the smallest one is about 5e-324.
const FINEST: i64 = 340;

fn round(x: f64, digits: i64) -> f64 {
    if !x.is_finite() || (digits >= 0 && x.abs() >= WHOLE) || digits > FINEST {
        x
    } else if digits > 0 {
        to_places(x, usize::try_from(digits).unwrap_or_default())
    } else {
        to_multiples(x, digits)
    }
}

/// By way of decimal digits, which are those of the exact value: scaled by a power of ten, 2.675 (which lies a little
/// below) would become a half.
fn to_places(x: f64, places: usize) -> f64 {
    format!("{x:.places$}").parse().unwrap_or(x)
}

fn to_multiples(x: f64, digits: i64) -> f64 {
    match format!("1e{}", digits.unsigned_abs()).parse::<f64>() {
        Ok(unit) if unit.is_finite() => (x / unit).round_ties_even() * unit,
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        assert_eq!([0.5, 1.5, 2.5, -0.5].map(|x| round(x, 0)), [0.0, 2.0, 2.0, 0.0]);
        assert_eq!([0.125, 0.375, -0.125].map(|x| round(x, 2)), [0.12, 0.38, -0.12]);
        assert_eq!([5.0, 15.0, 25.0].map(|x| round(x, -1)), [0.0, 20.0, 20.0]);
        // Below a half as it is stored, although it is written as one.
        assert_eq!(round(2.675, 2), 2.67);
    }

    #[test]
    fn every_number_of_digits_is_allowed() {
        for digits in [i64::MIN, -400, -309, 0, 5, 400, i64::MAX] {
            assert!(round(f64::NAN, digits).is_nan());
            assert_eq!(round(f64::INFINITY, digits), f64::INFINITY);
        }
        assert_eq!([i64::MIN, -400, -309].map(|digits| round(f64::MAX, digits)), [0.0; 3]);
        assert_eq!([0, 5, 400, i64::MAX].map(|digits| round(f64::MAX, digits)), [f64::MAX; 4]);
        assert_eq!([5e-324, 1e-320].map(|x| round(x, 339)), [5e-324, 1e-320]);
        assert_eq!(round(5e-324, 300), 0.0);
    }
}
