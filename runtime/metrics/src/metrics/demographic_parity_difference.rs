//! Demographic parity.

use mlsys_plan::{Call, Task};

use super::equalized_odds_difference::{Rates, difference};
use super::{Definition, Weights};
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "demographic_parity_difference",
    tasks: &[Task::Binary],
    larger_is_better: false,
    usual: None,
    value,
};

/// The largest difference between groups in the share of positive predictions, at a threshold of one half; fairlearn's name
/// and definition.
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let groups = Rates::of_groups(judged, metric, weights)?;
    difference(groups.iter().map(Rates::selected))
}
