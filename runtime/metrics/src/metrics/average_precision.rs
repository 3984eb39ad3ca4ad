//! Average precision.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, classes};
use crate::judged::Judged;
use crate::order::tied;

pub(super) const METRIC: Definition = Definition {
    name: "average_precision",
    tasks: &[Task::Binary, Task::Ranking],
    larger_is_better: true,
    usual: Some(&[]),
    value,
};

/// The sum over thresholds of precision times the growth of recall, without interpolation; needs a positive row.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let (positives, _) = classes(judged, weights)?;
    if positives <= 0.0 {
        return None;
    }
    let positive = judged.positive()?;
    let (mut seen, mut hits, mut area) = (0.0, 0.0, 0.0);
    for run in tied(judged.order(), judged.predictions) {
        let mut gained = 0.0;
        for &row in run {
            let weight = weights.of(row as usize);
            seen += weight;
            gained += if positive(row as usize) { weight } else { 0.0 };
        }
        hits += gained;
        area += if gained > 0.0 { gained / positives * hits / seen } else { 0.0 };
    }
    Some(area)
}
