//! What training makes small, by its name in the language.

use mlsys_plan::{Call, Value};
use tch::{Reduction, Tensor};

use crate::error::TrainError;
use crate::implemented::named;

/// A loss, made ready for the labels of the training part.
type Build = fn(&Call, &[bool]) -> Result<Loss, TrainError>;

/// Every loss by its name in the language.
pub(crate) const LOSSES: &[(&str, Build)] = &[("binary_cross_entropy", binary_cross_entropy)];

/// How much a positive example counts, by the labels of the training part.
type Weigh = fn(&[bool]) -> f64;

/// Every weight by its name in the language.
pub(crate) const WEIGHTS: &[(&str, Weigh)] = &[("balanced", balanced)];

/// The mean negative log likelihood of a truth value.
#[derive(Debug)]
pub(crate) struct Loss {
    /// How much a positive example counts; none for as much as a negative one.
    positive_weight: Option<Tensor>,
}

impl Loss {
    /// The mean loss of logits.
    pub(crate) fn of(&self, logits: &Tensor, targets: &Tensor) -> Result<Tensor, TrainError> {
        let none: Option<&Tensor> = None;
        let weight = self.positive_weight.as_ref();
        Ok(logits.f_binary_cross_entropy_with_logits(targets, none, weight, Reduction::Mean)?)
    }
}

/// The loss of a `train` block, the task's usual one if it names none; `labels` are those of the training part.
pub(crate) fn build(call: Option<&Call>, labels: &[bool]) -> Result<Loss, TrainError> {
    let Some(call) = call else { return Ok(Loss { positive_weight: None }) };
    named("loss", LOSSES, call)?(call, labels)
}

fn binary_cross_entropy(call: &Call, labels: &[bool]) -> Result<Loss, TrainError> {
    let weight = match call.args.get("positive_weight") {
        Some(Value::Call(weight)) => named("weight", WEIGHTS, weight)?(labels),
        _ => call.float("positive_weight").unwrap_or(1.0),
    };
    #[expect(clippy::float_cmp, reason = "exactly one is no weight at all")]
    let positive_weight = (weight != 1.0).then(|| Tensor::from_slice(&[weight]).to_kind(crate::encoders::FLOAT));
    Ok(Loss { positive_weight })
}

/// Negatives per positive: both classes then count the same in all.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn balanced(labels: &[bool]) -> f64 {
    let positives = labels.iter().filter(|label| **label).count();
    if positives == 0 { 1.0 } else { (labels.len() - positives) as f64 / positives as f64 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mlsys_plan::{Call, Value};
    use tch::Tensor;

    use super::build;

    /// `-(w y log p + (1 - y) log(1 - p))`, averaged, with three negatives for one positive.
    #[test]
    fn a_balanced_loss_weighs_positives_by_negatives_per_positive() {
        let weight = Value::Call(Call { name: "balanced".to_owned(), args: BTreeMap::new() });
        let args = BTreeMap::from([("positive_weight".to_owned(), weight)]);
        let call = Call { name: "binary_cross_entropy".to_owned(), args };
        let loss = build(Some(&call), &[true, false, false, false]).unwrap();
        let (logits, targets) = (Tensor::from_slice(&[0.5_f32, -1.0]), Tensor::from_slice(&[1.0_f32, 0.0]));
        let found = f64::try_from(loss.of(&logits, &targets).unwrap()).unwrap();
        let expected = (3.0 * (1.0 + (-0.5_f64).exp()).ln() + (1.0 + (-1.0_f64).exp()).ln()) / 2.0;
        assert!((found - expected).abs() < 1e-6, "{found} {expected}");
    }
}
