//! Coverage of an interval.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "coverage", tasks: &[Task::Quantile], larger_is_better: true, usual: None, value };

/// How far a quantile may be from the one that is asked for: what is written is what is predicted.
const CLOSE: f64 = 1e-9;

/// The share of values between two predicted quantiles, both included; none where these are not predicted.
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let numbers = judged.numbers()?;
    let place = |name: &str| {
        let wanted = metric.float(name)?;
        judged.quantiles.iter().position(|quantile| (quantile - wanted).abs() < CLOSE)
    };
    let (low, high) = (place("low")?, place("high")?);
    mean(judged, weights, |row| {
        let predicted = judged.row(row);
        f64::from(u8::from(predicted[low] <= numbers[row] && numbers[row] <= predicted[high]))
    })
}
