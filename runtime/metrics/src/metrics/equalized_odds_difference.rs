//! Equalised odds.

use std::collections::BTreeMap;

use mlsys_plan::{Call, Task};

use super::{Definition, Weights};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "equalized_odds_difference",
    tasks: &[Task::Binary],
    larger_is_better: false,
    usual: None,
    value,
};

/// The larger one of the largest differences between groups in true and in false positive rates, at a threshold of one half
/// (Hardt et al., 2016; fairlearn's name and definition: a group without positives has a true positive rate of zero).
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let groups = Rates::of_groups(judged, metric, weights)?;
    let hits = difference(groups.iter().map(|rates| rates.share(true)))?;
    let alarms = difference(groups.iter().map(|rates| rates.share(false)))?;
    Some(hits.max(alarms))
}

/// Weights of a group's rows: by whether they are positive, those that are predicted to be and all.
#[derive(Default)]
pub(super) struct Rates {
    predicted: [f64; 2],
    all: [f64; 2],
}

impl Rates {
    /// The rates of the groups of a metric's column that have rows.
    pub(super) fn of_groups(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<Vec<Rates>> {
        let (positive, codes) = (judged.positive()?, judged.column(metric.string("by")?)?);
        let mut groups: BTreeMap<u32, Rates> = BTreeMap::new();
        for (row, code) in codes.iter().enumerate() {
            let (weight, class) = (weights.of(row), usize::from(positive(row)));
            if weight > 0.0 {
                let rates = groups.entry(*code).or_default();
                rates.all[class] += weight;
                rates.predicted[class] += if judged.predictions[row] >= 0.5 { weight } else { 0.0 };
            }
        }
        Some(groups.into_values().collect())
    }

    /// The share of positive predictions.
    pub(super) fn selected(&self) -> f64 {
        (self.predicted[0] + self.predicted[1]) / (self.all[0] + self.all[1])
    }

    /// The share of positive predictions among the positives, or the negatives.
    fn share(&self, positive: bool) -> f64 {
        let class = usize::from(positive);
        if self.all[class] > 0.0 { self.predicted[class] / self.all[class] } else { 0.0 }
    }
}

/// How far the largest is from the smallest.
pub(super) fn difference(shares: impl Iterator<Item = f64>) -> Option<f64> {
    let (low, high) =
        shares.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), share| (low.min(share), high.max(share)));
    (low <= high).then_some(high - low)
}
