//! What every training of a job shares: examples read, divided and encoded once.

use std::collections::BTreeMap;

use mlsys_plan::{Part, Train};
use tch::Tensor;

use crate::encoders::{Encoded, Encoders, FLOAT};
use crate::error::TrainError;
use crate::examples::{Examples, Parts};

/// Encoded examples and their labels.
pub(crate) struct Data {
    pub(crate) parts: Parts,
    pub(crate) labels: BTreeMap<Part, Vec<bool>>,
    pub(crate) encoders: Encoders,
    pub(crate) encoded: BTreeMap<Part, Encoded>,
    /// The labels of the training part as numbers.
    pub(crate) targets: Tensor,
}

impl Data {
    /// Divides the examples, fits the encoders on the training part alone, and encodes every part.
    pub(crate) fn prepare(train: &Train, examples: &Examples) -> Result<Self, TrainError> {
        let parts = examples.parts()?;
        let labels = labels(examples, &parts)?;
        check(&parts, &labels)?;
        check_search(train, &parts, &labels)?;
        let encoders = Encoders::fit(&train.inputs, train.impute.as_ref(), examples, &parts.rows[&Part::Train])?;
        let mut encoded = BTreeMap::new();
        for (part, rows) in &parts.rows {
            encoded.insert(*part, encoders.encode(examples, rows)?);
        }
        let targets: Vec<f32> = labels[&Part::Train].iter().map(|label| f32::from(u8::from(*label))).collect();
        let targets = Tensor::f_from_slice(&targets)?.to_kind(FLOAT);
        Ok(Data { parts, labels, encoders, encoded, targets })
    }
}

/// The labels of each part.
pub(crate) fn labels(examples: &Examples, parts: &Parts) -> Result<BTreeMap<Part, Vec<bool>>, TrainError> {
    let labels = examples.labels()?;
    let of = |rows: &Vec<usize>| rows.iter().map(|&row| labels.value(row)).collect();
    Ok(parts.rows.iter().map(|(part, rows)| (*part, of(rows))).collect())
}

/// A search needs both classes where it looks, and is refused before its first trial.
fn check_search(train: &Train, parts: &Parts, labels: &BTreeMap<Part, Vec<bool>>) -> Result<(), TrainError> {
    let Some(tune) = &train.tune else { return Ok(()) };
    let looked_at = &labels[&tune.part];
    let positives = looked_at.iter().filter(|label| **label).count();
    if positives > 0 && positives < looked_at.len() {
        return Ok(());
    }
    let found = if looked_at.is_empty() {
        "no examples".to_owned()
    } else {
        format!("{positives} positive ones among {} examples", looked_at.len())
    };
    let message = format!(
        "the search looks at the {} part, which has {found} ({} examples were left out of their parts, because their \
         label was not known in time)",
        tune.part, parts.left_out
    );
    Err(TrainError::NothingToLearn(message))
}

/// Examples that nothing can be learnt from are refused before any work.
fn check(parts: &Parts, labels: &BTreeMap<Part, Vec<bool>>) -> Result<(), TrainError> {
    let training = &labels[&Part::Train];
    let positives = training.iter().filter(|label| **label).count();
    let nothing = if training.is_empty() {
        format!(
            "the training part has no examples ({} were left out, because their label was not known in time)",
            parts.left_out
        )
    } else if positives == 0 || positives == training.len() {
        format!("all {} examples of the training part have the same label", training.len())
    } else if labels[&Part::Test].is_empty() {
        "the test part has no examples".to_owned()
    } else {
        return Ok(());
    };
    Err(TrainError::NothingToLearn(nothing))
}
