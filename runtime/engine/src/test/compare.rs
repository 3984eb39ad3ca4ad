//! When a value is the expected one.

use mlsys_plan::Literal;

/// The largest relative difference of floats that are equal.
const RELATIVE: f64 = 1e-9;

/// The largest difference of floats about zero that are equal.
const ABSOLUTE: f64 = 1e-12;

/// Whether two values are equal: numbers up to rounding, lists item by item, everything else exactly.
pub(super) fn equal(expected: &Literal, found: &Literal) -> bool {
    match (expected, found) {
        (Literal::Int(expected), Literal::Int(found)) => expected == found,
        (Literal::List(expected), Literal::List(found)) => {
            expected.len() == found.len() && expected.iter().zip(found).all(|(expected, found)| equal(expected, found))
        }
        _ => match (number(expected), number(found)) {
            (Some(expected), Some(found)) => close(expected, found),
            _ => expected == found,
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "compared with a float, up to rounding")]
fn number(value: &Literal) -> Option<f64> {
    match value {
        Literal::Int(value) => Some(*value as f64),
        Literal::Float(value) => Some(*value),
        _ => None,
    }
}

#[expect(clippy::float_cmp, reason = "infinities equal themselves alone")]
fn close(expected: f64, found: f64) -> bool {
    if !expected.is_finite() || !found.is_finite() {
        return expected == found || (expected.is_nan() && found.is_nan());
    }
    (expected - found).abs() <= RELATIVE * expected.abs().max(found.abs()) + ABSOLUTE
}

#[cfg(test)]
mod tests {
    use mlsys_plan::Literal;

    use super::equal;

    #[test]
    fn floats_are_equal_up_to_rounding_and_nothing_else_is() {
        let float = Literal::Float;
        assert!(equal(&float(0.3), &float(0.1 + 0.2)));
        assert!(equal(&float(0.0), &float(1e-17)));
        assert!(!equal(&float(1.0), &float(1.0 + 1e-8)));
        assert!(equal(&Literal::Int(1), &float(1.0)));
        assert!(!equal(&Literal::Null, &float(0.0)));
        assert!(equal(&float(f64::INFINITY), &float(f64::INFINITY)));
        assert!(!equal(&float(f64::INFINITY), &float(1.0)));
        assert!(equal(&Literal::List(vec![float(0.3)]), &Literal::List(vec![float(0.1 + 0.2)])));
        assert!(!equal(&Literal::Int(i64::MAX), &Literal::Int(i64::MAX - 1)));
    }
}
