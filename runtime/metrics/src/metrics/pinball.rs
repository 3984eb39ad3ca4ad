//! Pinball loss.

use mlsys_plan::{Call, Task};

use super::{Definition, Weights, mean};
use crate::judged::Judged;

pub(super) const METRIC: Definition =
    Definition { name: "pinball", tasks: &[Task::Quantile], larger_is_better: false, usual: Some(&[]), value };

/// The mean pinball loss over the quantiles (Koenker and Bassett, 1978).
fn value(judged: &Judged<'_>, _: &Call, weights: &Weights<'_>) -> Option<f64> {
    let numbers = judged.numbers()?;
    if judged.quantiles.len() != judged.width {
        return None;
    }
    mean(judged, weights, |row| {
        let losses = judged.quantiles.iter().zip(judged.row(row));
        let losses = losses.map(|(quantile, prediction)| {
            let below = numbers[row] - prediction;
            if below >= 0.0 { quantile * below } else { (quantile - 1.0) * below }
        });
        losses.sum::<f64>() / judged.quantiles.iter().map(|_| 1.0).sum::<f64>()
    })
}
