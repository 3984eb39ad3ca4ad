//! The values that training saw, in an order that depends on the rows alone, and the index of each.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// The most values that are known by themselves; rarer ones share the index for unknown values.
pub(super) const MOST_VALUES: usize = 100_000;

/// Values with their indices. As JSON it is the list of values.
#[derive(Debug, Serialize, Deserialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub(super) struct Vocabulary {
    values: Vec<String>,
    places: HashMap<String, usize>,
}

impl Vocabulary {
    /// The most frequent of some values that occur so often at least.
    pub(super) fn of<'a>(values: impl Iterator<Item = &'a str>, least: usize, most: usize) -> Self {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        values.for_each(|value| *counts.entry(value).or_default() += 1);
        let mut values: Vec<(&str, usize)> = counts.into_iter().filter(|(_, count)| *count >= least).collect();
        // Frequent values first, equally frequent ones by their text: the same rows give the same indices.
        values.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
        values.truncate(most.min(MOST_VALUES));
        values.into_iter().map(|(value, _)| value.to_owned()).collect::<Vec<_>>().into()
    }

    /// How many values are known.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The place of a value, if it is known.
    pub(super) fn place(&self, value: &str) -> Option<usize> {
        self.places.get(value).copied()
    }
}

impl From<Vec<String>> for Vocabulary {
    fn from(values: Vec<String>) -> Self {
        let places = values.iter().cloned().zip(0..).collect();
        Vocabulary { values, places }
    }
}

impl From<Vocabulary> for Vec<String> {
    fn from(vocabulary: Vocabulary) -> Self {
        vocabulary.values
    }
}

impl Clone for Vocabulary {
    fn clone(&self) -> Self {
        self.values.clone().into()
    }
}

/// How wide embeddings of so many values are: `1.6 n^0.56`, at most 64, the rule of thumb of fastai's tabular learner.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small positive number"
)]
pub(super) fn width(size: usize) -> usize {
    ((1.6 * (size as f64).powf(0.56)).round() as usize).clamp(1, 64)
}
