//! The expected calibration error.

use mlsys_plan::{Call, Task};

use super::{Definition, Number, Weights};
use crate::curves::bin_of;
use crate::judged::Judged;

pub(super) const METRIC: Definition = Definition {
    name: "calibration_error",
    tasks: &[Task::Binary],
    larger_is_better: false,
    usual: Some(&[("bins", Number::Int(15))]),
    value,
};

/// The mean distance between probability and share of positives, over bins of equal width (Guo et al., 2017, equation 3).
fn value(judged: &Judged<'_>, metric: &Call, weights: &Weights<'_>) -> Option<f64> {
    let positive = judged.positive()?;
    let bins = metric.count("bins").unwrap_or(15).max(1);
    let (mut distances, mut all) = (vec![0.0; bins], 0.0);
    for (row, &probability) in judged.predictions.iter().enumerate() {
        let weight = weights.of(row);
        distances[bin_of(probability, bins)] += weight * (probability - f64::from(u8::from(positive(row))));
        all += weight;
    }
    (all > 0.0).then(|| distances.iter().map(|distance| distance.abs()).sum::<f64>() / all)
}
