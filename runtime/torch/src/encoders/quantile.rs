//! `quantile`: numbers by their rank in the training part, brought to a standard normal distribution, as scikit-learn's
//! `QuantileTransformer(output_distribution="normal")` does.

use arrow::array::ArrayRef;
use serde::{Deserialize, Serialize};

use super::filling::Filling;
use super::values::Numbers;
use super::{Encoder, Fill, Fills, Fit, Fitted, Form};

/// Ranks stay so far from 0 and 1, which have no finite value: scikit-learn's bound.
const EDGE: f64 = 1e-7;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Quantile {
    filling: Filling,
    /// Values at evenly spaced ranks, in order.
    landmarks: Vec<f64>,
}

impl Fitted for Quantile {
    fn fit(fit: &Fit<'_>) -> Result<Self, String> {
        let mut present = Numbers::of(fit.column)?.present(fit.rows);
        let filling = Filling::of(fit, &mut present);
        let asked = fit.call.count("landmarks").unwrap_or(1000);
        present.sort_unstable_by(f64::total_cmp);
        if present.is_empty() {
            present.push(filling.fill);
        }
        let count = asked.clamp(2, present.len().max(2));
        let landmarks = (0..count).map(|at| interpolated(&present, at, count)).collect();
        Ok(Quantile { filling, landmarks })
    }
}

/// The value at rank `at` of `count`, between two values in proportion.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
fn interpolated(sorted: &[f64], at: usize, count: usize) -> f64 {
    let place = at as f64 / (count - 1) as f64 * (sorted.len() - 1) as f64;
    let below = (place.floor() as usize).min(sorted.len() - 1);
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - place.floor())
}

impl Quantile {
    fn changed(&self, value: f64) -> f64 {
        normal_quantile(self.rank(value).clamp(EDGE, 1.0 - EDGE))
    }

    /// The rank of a value, from 0 to 1; of equal landmarks the middle.
    #[expect(clippy::cast_precision_loss, reason = "landmarks are few")]
    fn rank(&self, value: f64) -> f64 {
        let last = self.landmarks.len() - 1;
        let below = self.landmarks.partition_point(|landmark| *landmark < value);
        let upto = self.landmarks.partition_point(|landmark| *landmark <= value);
        if below < upto {
            return (below + upto - 1) as f64 / 2.0 / last as f64;
        }
        if below == 0 || below > last {
            return if below == 0 { 0.0 } else { 1.0 };
        }
        let (low, high) = (self.landmarks[below - 1], self.landmarks[below]);
        ((below - 1) as f64 + (value - low) / (high - low)) / last as f64
    }
}

/// The value that a standard normal variable stays below with that probability: the inverse of its distribution
/// function, by two steps of Halley's method from a rational estimate (Abramowitz and Stegun, 1964, 26.2.23).
fn normal_quantile(probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability);
    let root = (-2.0 * tail.ln()).sqrt();
    let above = 2.515_517 + root * (0.802_853 + root * 0.010_328);
    let below = 1.0 + root * (1.432_788 + root * (0.189_269 + root * 0.001_308));
    let mut value = -(root - above / below);
    for _ in 0..2 {
        let error = 0.5 * libm::erfc(-value / std::f64::consts::SQRT_2) - tail;
        let step = error * std::f64::consts::TAU.sqrt() * (value * value / 2.0).exp();
        value -= step / (1.0 + value * step / 2.0);
    }
    if probability < 0.5 { value } else { -value }
}

impl Encoder for Quantile {
    fn form(&self) -> Form<'_> {
        Form::Numbers(self.filling.width(), self)
    }

    fn describe(&self) -> String {
        format!("quantile({} landmarks){}", self.landmarks.len(), self.filling.describe())
    }

    fn missing(&self) -> f64 {
        self.filling.missing
    }
}

impl Fills<f32> for Quantile {
    fn fills<'a>(&'a self, column: &ArrayRef) -> Result<Fill<'a, f32>, String> {
        self.filling.fills(column, |value| self.changed(value))
    }
}

#[cfg(test)]
mod tests {
    use super::normal_quantile;

    /// scipy.stats.norm.ppf
    #[test]
    fn quantiles_of_the_normal_distribution_are_exact() {
        let known = [(0.5, 0.0), (0.975, 1.959963984540054), (0.001, -3.090232306167813), (1e-7, -5.199337582192817)];
        for (probability, expected) in known {
            let found: f64 = normal_quantile(probability);
            assert!((found - expected).abs() < 1e-9, "{probability}: {found} {expected}");
        }
    }
}
