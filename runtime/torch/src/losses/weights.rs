//! How much examples count, by the labels of the training part.

use std::collections::BTreeMap;

use mlsys_plan::{Call, Value};

use crate::error::TrainError;
use crate::implemented::named;
use crate::labels::Labels;

/// The weight of the examples of each class.
type Weigh = fn(&Labels) -> Vec<f64>;

/// Every weight by its name in the language.
pub(crate) const WEIGHTS: &[(&str, Weigh)] = &[("balanced", balanced)];

/// The weights of the classes that an argument asks for: a number for the positive class, or a weight by its name; none
/// where all count the same.
pub(super) fn of(call: &Call, argument: &str, labels: &Labels) -> Result<Option<Vec<f64>>, TrainError> {
    match call.args.get(argument) {
        Some(Value::Call(weight)) => Ok(Some(named("weight", WEIGHTS, weight)?(labels))),
        _ => {
            #[expect(clippy::float_cmp, reason = "exactly one is no weight at all")]
            let weight = call.float(argument).filter(|weight| *weight != 1.0);
            Ok(weight.map(|weight| vec![1.0, weight]))
        }
    }
}

/// The weights of the classes by a loss, or where every class is to count the same; none where all count the same.
pub(crate) fn weights_of(
    loss: Option<&Call>,
    labels: &Labels,
    are_balanced: bool,
) -> Result<Option<Vec<f64>>, TrainError> {
    if are_balanced {
        return Ok(Some(balanced(labels)));
    }
    for argument in ["positive_weight", "weights"] {
        if let Some(weights) = loss.map(|loss| of(loss, argument, labels)).transpose()?.flatten() {
            return Ok(Some(weights));
        }
    }
    Ok(None)
}

/// Every class counts the same in all, negatives or the most frequent class as they are.
#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn balanced(labels: &Labels) -> Vec<f64> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for class in classes(labels) {
        *counts.entry(class).or_default() += 1;
    }
    let all = counts.keys().last().map_or(0, |last| last + 1);
    let reference = match labels {
        Labels::Classes { .. } => counts.values().copied().max().unwrap_or(1),
        _ => counts.get(&0).copied().unwrap_or(1),
    };
    let weight = |class: usize| counts.get(&class).map_or(1.0, |count| reference as f64 / *count as f64);
    (0..all).map(weight).collect()
}

/// The class of each example: of truth values and grades whether it is positive.
pub(crate) fn classes(labels: &Labels) -> Vec<usize> {
    match labels {
        Labels::Truths(values) => values.iter().map(|holds| usize::from(*holds)).collect(),
        Labels::Classes { indices, .. } => indices.iter().map(|index| *index as usize).collect(),
        Labels::Grades(values) | Labels::Numbers(values) => {
            values.iter().map(|value| usize::from(*value > 0.0)).collect()
        }
        Labels::None(rows) => vec![0; *rows],
    }
}
