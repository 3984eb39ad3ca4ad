//! An axis: which values it spans, and where its ticks stand.

/// The largest number that is drawn: spans of it can still be computed with.
const LARGEST: f64 = 1e300;

/// Into how many pieces ticks divide an axis at most.
const PIECES: f64 = 6.0;

/// The values that an axis spans.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    /// What it measures, with its unit.
    pub(crate) label: String,
    low: f64,
    high: f64,
    step: f64,
}

impl Axis {
    /// An axis from one value to another.
    pub(crate) fn between(label: &str, low: f64, high: f64) -> Self {
        let (low, high) = (low.clamp(-LARGEST, LARGEST), high.clamp(-LARGEST, LARGEST));
        let (low, high) = if low < high { (low, high) } else { around(low) };
        Axis { label: label.to_owned(), low, high, step: step(high - low, PIECES) }
    }

    /// An axis that holds all of these values and ends at ticks; none without any that is a number.
    pub(crate) fn over(label: &str, values: impl Iterator<Item = f64>) -> Option<Self> {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) =
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        if low > high {
            return None;
        }
        let inner = Axis::between(label, low, high);
        let (low, high) =
            ((inner.low / inner.step).floor() * inner.step, (inner.high / inner.step).ceil() * inner.step);
        Some(Axis { low, high, ..inner })
    }

    /// Where a value lies: 0 at the beginning, 1 at the end, and never outside.
    pub(crate) fn at(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// Where it begins and where it ends.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Whether a value lies on it.
    pub(crate) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The values at which ticks stand, with what is written there.
    pub(crate) fn ticks(&self) -> Vec<(f64, String)> {
        // A rounding error at either end costs no tick.
        let first = (self.low / self.step - 1e-6).ceil();
        let last = (self.high / self.step + 1e-6).floor();
        let ticks = std::iter::successors(Some(first), |place| Some(place + 1.0)).take_while(|place| *place <= last);
        // Whatever the numbers are: a dozen ticks are enough.
        ticks.take(12).map(|place| place * self.step).map(|value| (value, self.written(value))).collect()
    }

    fn written(&self, value: f64) -> String {
        let largest = self.low.abs().max(self.high.abs());
        let value = if value.abs() < self.step / 2.0 { 0.0 } else { value };
        let (unit, letter) = match largest {
            1e15.. => return format!("{value:.1e}"),
            1e10.. => (1e9, "G"),
            1e7.. => (1e6, "M"),
            1e4.. => (1e3, "k"),
            _ => (1.0, ""),
        };
        let digits = -(self.step / unit).log10().floor();
        if digits > 6.0 {
            return format!("{value:.1e}");
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 6")]
        let digits = digits.max(0.0) as usize;
        let letter = if value == 0.0 { "" } else { letter };
        format!("{:.digits$}{letter}", value / unit)
    }
}

/// A span around a single value.
fn around(value: f64) -> (f64, f64) {
    let half = if value == 0.0 { 0.5 } else { (value.abs() * 0.1).max(f64::MIN_POSITIVE * 1e10) };
    (value - half, value + half)
}

/// The smallest step, 1, 2 or 5 times a power of ten, that divides a span into so many pieces at most.
fn step(span: f64, most: f64) -> f64 {
    let raw = span / most;
    let power = 10f64.powf(raw.log10().floor());
    // A rounding error makes no step the next one.
    let factor = match raw / power {
        ..1.001 => 1.0,
        ..2.001 => 2.0,
        ..5.001 => 5.0,
        _ => 10.0,
    };
    factor * power
}

#[cfg(test)]
mod tests {
    use super::Axis;

    fn written(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_stand_at_ones_twos_and_fives() {
        assert_eq!(written(&Axis::between("", 0.0, 1.0)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(written(&Axis::between("", 0.0, 23.0)), ["0", "5", "10", "15", "20"]);
        assert_eq!(written(&Axis::between("", -0.03, 0.02)), ["-0.03", "-0.02", "-0.01", "0.00", "0.01", "0.02"]);
        assert_eq!(written(&Axis::between("", 0.0, 90_000.0)), ["0", "20k", "40k", "60k", "80k"]);
    }

    #[test]
    fn an_axis_ends_at_ticks() {
        let axis = Axis::over("", [0.613, 0.742].into_iter()).unwrap();
        assert_eq!(written(&axis), ["0.60", "0.65", "0.70", "0.75"]);
        assert!(axis.at(0.6) < 1e-9 && axis.at(0.75) > 1.0 - 1e-9);
    }

    #[test]
    fn any_numbers_have_an_axis() {
        for (low, high) in [(0.0, 0.0), (5.0, 5.0), (-1e308, 1e308), (1e-300, 2e-300), (1e17, 1e17 + 64.0), (1.0, -1.0)]
        {
            let axis = Axis::between("", low, high);
            let ticks = axis.ticks();
            assert!(!ticks.is_empty() && ticks.len() <= 12, "{low} {high}: {ticks:?}");
            assert!(ticks.iter().all(|(value, _)| axis.at(*value).is_finite()));
        }
        assert!(Axis::over("", [f64::NAN, f64::INFINITY].into_iter()).is_none());
    }
}
