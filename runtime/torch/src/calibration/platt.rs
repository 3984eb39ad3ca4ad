//! `platt`: a logistic curve over the logit (Platt, 1999), fitted by Newton's method with Platt's targets, as Lin, Lin and
//! Weng (2007) do it and scikit-learn's `CalibratedClassifierCV(method="sigmoid")` does.

use serde::{Deserialize, Serialize};

use super::Calibration;

/// Probabilities stay so far from 0 and 1, whose logits are infinite.
const EDGE: f64 = 1e-12;

/// `1 / (1 + exp(slope · logit + offset))`, in Platt's signs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Platt {
    slope: f64,
    offset: f64,
}

impl Platt {
    pub(super) fn changed(&self, probability: f64) -> f64 {
        1.0 / (1.0 + (self.slope * logit(probability) + self.offset).exp())
    }
}

fn logit(probability: f64) -> f64 {
    let probability = probability.clamp(EDGE, 1.0 - EDGE);
    (probability / (1.0 - probability)).ln()
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
pub(super) fn fit(probabilities: &[f64], labels: &[bool]) -> Calibration {
    let positives = labels.iter().filter(|label| **label).count() as f64;
    let negatives = labels.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let logits: Vec<f64> = probabilities.iter().map(|probability| logit(*probability)).collect();
    let targets: Vec<f64> = labels.iter().map(|label| if *label { high } else { low }).collect();
    let mut at = (0.0, ((negatives + 1.0) / (positives + 1.0)).ln());
    let mut value = loss(&logits, &targets, at);
    for _ in 0..100 {
        let (gradient, step) = newton(&logits, &targets, at);
        if gradient.0.abs() < 1e-9 && gradient.1.abs() < 1e-9 {
            break;
        }
        let slope = gradient.0 * step.0 + gradient.1 * step.1;
        let mut size = 1.0;
        while size > 1e-10 {
            let next = (at.0 + size * step.0, at.1 + size * step.1);
            let found = loss(&logits, &targets, next);
            if found < value + 1e-4 * size * slope {
                (at, value) = (next, found);
                break;
            }
            size /= 2.0;
        }
        if size <= 1e-10 {
            break;
        }
    }
    Calibration::Platt(Platt { slope: at.0, offset: at.1 })
}

/// The negative log likelihood.
fn loss(logits: &[f64], targets: &[f64], (slope, offset): (f64, f64)) -> f64 {
    let each = logits.iter().zip(targets).map(|(logit, target)| {
        let bent = slope * logit + offset;
        if bent >= 0.0 { target * bent + (-bent).exp().ln_1p() } else { (target - 1.0) * bent + bent.exp().ln_1p() }
    });
    each.sum()
}

/// The gradient, and Newton's step.
fn newton(logits: &[f64], targets: &[f64], (slope, offset): (f64, f64)) -> ((f64, f64), (f64, f64)) {
    // Keeps the curvature from being singular: the paper's value.
    const RIDGE: f64 = 1e-12;
    let (mut first, mut second) = ((0.0, 0.0), (RIDGE, 0.0, RIDGE));
    for (logit, target) in logits.iter().zip(targets) {
        let below = 1.0 / (1.0 + (slope * logit + offset).exp());
        let (wrong, curvature) = (target - below, below * (1.0 - below));
        first = (first.0 + logit * wrong, first.1 + wrong);
        second = (second.0 + logit * logit * curvature, second.1 + logit * curvature, second.2 + curvature);
    }
    let determinant = second.0 * second.2 - second.1 * second.1;
    let step = (
        -(second.2 * first.0 - second.1 * first.1) / determinant,
        -(second.0 * first.1 - second.1 * first.0) / determinant,
    );
    (first, step)
}
