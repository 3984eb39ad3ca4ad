//! Area under the ROC curve.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, classes};
use crate::judged::Judged;
use crate::order::tied;

pub(super) const METRIC: Definition =
    Definition { name: "auc", tasks: &[Task::Binary, Task::Ranking], larger_is_better: true, usual: Some(&[]), value };

/// The probability that a positive row ranks above a negative one, ties counted half (Mann and Whitney, 1947); needs both.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let (positives, negatives) = classes(judged, weights)?;
    if positives <= 0.0 || negatives <= 0.0 {
        return None;
    }
    let positive = judged.positive()?;
    // Shares, as products of weights may leave the range of numbers.
    let (mut above, mut area) = (0.0, 0.0);
    // A negative lies below all positives above it, and ties with those of its own prediction.
    for run in tied(judged.order(), judged.predictions) {
        let (mut hits, mut misses) = (0.0, 0.0);
        for &row in run {
            let sum = if positive(row as usize) { &mut hits } else { &mut misses };
            *sum += weights.of(row as usize);
        }
        area += misses / negatives * ((above + hits / 2.0) / positives);
        above += hits;
    }
    Some(area)
}
