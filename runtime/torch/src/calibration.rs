//! Calibration: probabilities put right by how often they were, one file each, by their name in the language. Fitted on the
//! validation part, which the model did not learn from.

mod isotonic;
mod platt;

use mlsys_plan::Call;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::implemented::named;

/// A fitted calibration of probabilities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "calibration", rename_all = "snake_case")]
pub(crate) enum Calibration {
    /// A logistic curve over logits.
    Platt(platt::Platt),
    /// Steps that never go down, in lines between their middles.
    Isotonic(isotonic::Isotonic),
}

/// Fits a calibration to probabilities and what came true.
type Fit = fn(&[f64], &[bool]) -> Calibration;

/// Every calibration by its name in the language.
pub(crate) const CALIBRATIONS: &[(&str, Fit)] = &[("isotonic", isotonic::fit), ("platt", platt::fit)];

/// The calibration of a `calibrate` clause.
pub(crate) fn fit(call: &Call, probabilities: &[f64], labels: &[bool]) -> Result<Calibration, TrainError> {
    Ok(named("calibration", CALIBRATIONS, call)?(probabilities, labels))
}

impl Calibration {
    /// The probability put right.
    pub(crate) fn changed(&self, probability: f64) -> f64 {
        match self {
            Calibration::Platt(platt) => platt.changed(probability),
            Calibration::Isotonic(isotonic) => isotonic.changed(probability),
        }
    }
}

#[cfg(test)]
mod tests {
    use mlsys_plan::Call;

    use super::fit;

    fn cases() -> (Vec<f64>, Vec<bool>) {
        let mut state = 11_u64;
        let mut unit = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let probabilities: Vec<f64> = (0..200).map(|_| (unit() * 50.0).floor() / 50.0 * 0.98 + 0.01).collect();
        let labels = probabilities.iter().map(|probability| unit() < probability * probability).collect();
        (probabilities, labels)
    }

    /// `IsotonicRegression(out_of_bounds="clip")` and `_sigmoid_calibration` on logits, of scikit-learn.
    #[test]
    fn curves_are_those_of_scikit_learn() {
        let (probabilities, labels) = cases();
        let repository = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let asked = serde_json::json!({ "probabilities": probabilities, "labels": labels });
        let output = std::process::Command::new(repository.join(".testenv/bin/python"))
            .arg(repository.join("tests/oracle/calibration.py"))
            .arg(asked.to_string())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answers: std::collections::BTreeMap<String, Vec<f64>> = serde_json::from_slice(&output.stdout).unwrap();
        for (method, tolerance) in [("isotonic", 1e-12), ("platt", 1e-5)] {
            let call = Call { name: method.to_owned(), ..Call::default() };
            let fitted = fit(&call, &probabilities, &labels).unwrap();
            for (probability, expected) in probabilities.iter().chain(&[0.0, 1.0, 0.005]).zip(&answers[method]) {
                let found = fitted.changed(*probability);
                assert!((found - expected).abs() < tolerance, "{method} {probability}: {found} {expected}");
            }
        }
    }
}
