//! Floating-point sums that keep what rounding loses: a pair of numbers with about 106 bits of precision.

/// A sum of `float64` values as the unevaluated sum `high + low` (Dekker's double-double). Merging in another order
/// changes the result by about 1e-30 of the sum of magnitudes, so that batch, stream and serving round alike.
///
/// An infinite or NaN part makes the sum infinite or NaN, as IEEE addition does; nothing of it outlives the part.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compensated {
    high: f64,
    low: f64,
}

impl From<f64> for Compensated {
    fn from(value: f64) -> Self {
        Compensated { high: value, low: 0.0 }
    }
}

impl Compensated {
    /// The sum of two sums.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let sum = self.high + other.high;
        if !sum.is_finite() {
            return Compensated::from(sum);
        }
        // Knuth's two-sum: `sum + error` is exactly `self.high + other.high`.
        let rounded = sum - self.high;
        let error = (self.high - (sum - rounded)) + (other.high - rounded);
        let low = error + (self.low + other.low);
        let high = sum + low;
        if high.is_finite() { Compensated { high, low: low - (high - sum) } } else { Compensated::from(high) }
    }

    /// The sum's high and low part.
    pub(crate) fn parts(self) -> [f64; 2] {
        [self.high, self.low]
    }

    /// The sum with these parts.
    pub(crate) fn from_parts([high, low]: [f64; 2]) -> Self {
        Compensated { high, low }
    }

    /// The sum, rounded once.
    pub fn value(self) -> f64 {
        self.high + self.low
    }
}

#[cfg(test)]
mod tests {
    use super::Compensated;

    fn sum(values: &[f64]) -> f64 {
        values.iter().map(|value| Compensated::from(*value)).fold(Compensated::default(), Compensated::merge).value()
    }

    #[test]
    fn small_parts_survive_large_ones() {
        assert_eq!(sum(&[1e16, 1.0, -1e16]), 1.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
    }

    #[test]
    fn special_values_are_kept() {
        assert_eq!(sum(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(sum(&[f64::NAN, 1.0]).is_nan());
    }
}
