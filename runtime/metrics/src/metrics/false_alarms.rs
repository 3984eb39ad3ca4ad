//! False alarms.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "false_alarms", tasks: &[Task::Anomaly], larger_is_better: false, usual: Some(&[]), value };

/// The number of rows above the threshold, where all are taken to be as they should.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let threshold = judged.threshold?;
    let alarms = (0..judged.rows()).filter(|&row| judged.predictions[row] > threshold);
    // An empty sum would be a negative zero.
    Some(alarms.fold(0.0, |sum, row| sum + weights.of(row)))
}
