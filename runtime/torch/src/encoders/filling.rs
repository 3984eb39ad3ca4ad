//! What stands for a missing number, for all encoders of numbers.

use arrow::array::ArrayRef;
use mlsys_plan::ImputeStrategy;
use serde::{Deserialize, Serialize};

use super::values::Numbers;
use super::{Fill, Fit, Strided, share};

/// What stands for values that are missing, NaN or infinite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Filling {
    pub(super) fill: f64,
    /// Whether a further number says that the value was missing.
    pub(super) indicator: bool,
    /// The share of the training part's values that were missing.
    pub(super) missing: f64,
}

impl Filling {
    /// As the program says; without a word about it the median. `present` are the values that are there, in any order.
    pub(super) fn of(fit: &Fit<'_>, present: &mut [f64]) -> Self {
        let fill = match fit.impute.map(|impute| impute.strategy) {
            Some(ImputeStrategy::Mean) => mean(present),
            Some(ImputeStrategy::Constant(value)) => value,
            Some(ImputeStrategy::Median) | None => median(present),
        };
        let missing = share(fit.rows.len() - present.len(), fit.rows.len());
        Filling { fill, indicator: fit.indicator(), missing }
    }

    /// One number, and one more that says whether the value was missing.
    pub(super) fn width(&self) -> usize {
        1 + usize::from(self.indicator)
    }

    pub(super) fn describe(&self) -> &'static str {
        if self.indicator { " with indicator" } else { "" }
    }

    /// Fills cells with changed numbers.
    #[expect(clippy::cast_possible_truncation, reason = "networks compute in single precision")]
    pub(super) fn fills<'a>(
        &'a self,
        column: &ArrayRef,
        change: impl Fn(f64) -> f64 + Send + Sync + 'a,
    ) -> Result<Fill<'a, f32>, String> {
        let numbers = Numbers::of(column)?;
        Ok(Box::new(move |rows: &[usize], cells: &mut Strided<'_, f32>| {
            numbers.each(rows, |row, value| {
                cells.put(row, 0, change(value.unwrap_or(self.fill)) as f32);
                if self.indicator {
                    cells.put(row, 1, f32::from(u8::from(value.is_none())));
                }
            });
        }))
    }
}

/// The middle value, or the mean of the two middle ones; zero of nothing.
fn median(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    if values.is_empty() {
        return 0.0;
    }
    let even = values.len().is_multiple_of(2);
    let (below, middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let below = below.iter().copied().max_by(f64::total_cmp);
    match below.filter(|_| even) {
        Some(below) => f64::midpoint(below, *middle),
        None => *middle,
    }
}

/// Mean and standard deviation; a deviation of one where there is none.
pub(super) fn spread(values: &[f64]) -> (f64, f64) {
    let mean = mean(values);
    let variance = sum(values.iter().map(|value| (value - mean).powi(2))) / count(values.len());
    (mean, if variance > 0.0 { variance.sqrt() } else { 1.0 })
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { sum(values.iter().copied()) / count(values.len()) }
}

/// Compensated summation (Neumaier, 1974), so that the order of rows does not show.
fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut total, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = total + value;
        lost += if total.abs() >= value.abs() { (total - next) + value } else { (value - next) + total };
        total = next;
    }
    total + lost
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn count(rows: usize) -> f64 {
    rows.max(1) as f64
}
