//! The coefficient of determination.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean, mean_error};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "r2", tasks: &[Task::Regression], larger_is_better: true, usual: Some(&[]), value };

/// The share of the variance that is explained; none where all rows that count have one label, or labels so close to each
/// other that their squares are none. scikit-learn has 1 or 0 there, and where the mean of equal labels is off by a digit any
/// number.
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let numbers = judged.numbers()?;
    let mut counted = (0..judged.rows()).filter(|&row| weights.of(row) > 0.0).map(|row| numbers[row]);
    let first = counted.next()?;
    if counted.all(|label| label == first) {
        return None;
    }
    let middle = mean(judged, weights, |row| numbers[row])?;
    let variance = mean(judged, weights, |row| (numbers[row] - middle).powi(2))?;
    let rest = mean_error(judged, weights, |predicted, actual| (actual - predicted).powi(2))?;
    (variance > 0.0).then(|| 1.0 - rest / variance)
}
