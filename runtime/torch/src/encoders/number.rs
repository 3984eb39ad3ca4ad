//! Numbers: missing values filled, then standardised to mean 0 and standard deviation 1 of the training part.

use arrow::array::{Array, Float64Array};
use mlsys_plan::{Impute, ImputeStrategy, ModelInput};
use mlsys_training::InputReport;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::examples::Examples;

/// A fitted number encoder. Values that are missing, NaN or infinite are filled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Number {
    input: String,
    fill: f64,
    mean: f64,
    deviation: f64,
    indicator: bool,
    missing: f64,
}

impl Number {
    pub(super) fn fit(
        input: &ModelInput,
        impute: Option<&Impute>,
        examples: &Examples,
        rows: &[usize],
    ) -> Result<Self, TrainError> {
        let column = examples.numbers(&input.name)?;
        let mut present: Vec<f64> = rows.iter().filter_map(|&row| present(&column, row)).collect();
        let missing = rows.len() - present.len();
        let fill = match impute.map(|impute| impute.strategy) {
            Some(ImputeStrategy::Mean) => mean(&present),
            Some(ImputeStrategy::Constant(value)) => value,
            Some(ImputeStrategy::Median) | None => median(&mut present),
        };
        present.extend(std::iter::repeat_n(fill, missing));
        let mean = mean(&present);
        let variance = sum(present.iter().map(|value| (value - mean).powi(2))) / count(present.len());
        let deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        Ok(Number {
            input: input.name.clone(),
            fill,
            mean,
            deviation,
            indicator: input.ty.nullable && impute.is_some_and(|impute| impute.indicator),
            missing: if missing == 0 { 0.0 } else { count(missing) / count(rows.len()) },
        })
    }

    /// One number, and one more that says whether the value was missing.
    pub(super) fn width(&self) -> usize {
        1 + usize::from(self.indicator)
    }

    #[expect(clippy::cast_possible_truncation, reason = "networks compute in single precision")]
    pub(super) fn encode(
        &self,
        examples: &Examples,
        rows: &[usize],
        out: &mut [f32],
        at: usize,
        stride: usize,
    ) -> Result<(), TrainError> {
        let column = examples.numbers(&self.input)?;
        for (index, &row) in rows.iter().enumerate() {
            let value = present(&column, row);
            out[index * stride + at] = ((value.unwrap_or(self.fill) - self.mean) / self.deviation) as f32;
            if self.indicator {
                out[index * stride + at + 1] = f32::from(u8::from(value.is_none()));
            }
        }
        Ok(())
    }

    pub(super) fn report(&self) -> InputReport {
        let indicator = if self.indicator { " with indicator" } else { "" };
        InputReport {
            name: self.input.clone(),
            encoder: format!("standardise(mean {:.4}, deviation {:.4}){indicator}", self.mean, self.deviation),
            missing: self.missing,
        }
    }
}

fn present(column: &Float64Array, row: usize) -> Option<f64> {
    (column.is_valid(row)).then(|| column.value(row)).filter(|value| value.is_finite())
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
