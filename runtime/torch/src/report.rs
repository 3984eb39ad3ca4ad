//! The report: every part judged, as a whole and by slice.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::Array;
use mlsys_plan::{Train, columns};
use mlsys_training::{PartReport, SliceReport};

use crate::error::TrainError;
use crate::examples::Examples;
use crate::metrics::metrics;

/// Sizes and metrics of one part. `labels` and `probabilities` belong to `rows`.
pub(crate) fn part(
    train: &Train,
    examples: &Examples,
    rows: &[usize],
    labels: &[bool],
    probabilities: &[f64],
) -> Result<PartReport, TrainError> {
    let sliced: BTreeSet<&String> = train.gates.iter().filter_map(|gate| gate.by.as_ref()).collect();
    let mut slices = Vec::new();
    for column in sliced {
        slices.extend(by_column(column, examples, rows, labels, probabilities)?);
    }
    Ok(PartReport {
        rows: rows.len() as u64,
        positives: labels.iter().filter(|label| **label).count() as u64,
        metrics: metrics(labels, probabilities),
        slices,
    })
}

fn by_column(
    column: &str,
    examples: &Examples,
    rows: &[usize],
    labels: &[bool],
    probabilities: &[f64],
) -> Result<Vec<SliceReport>, TrainError> {
    let values = examples.texts(&format!("{}{column}", columns::SLICE))?;
    let mut members: BTreeMap<Option<&str>, (Vec<bool>, Vec<f64>)> = BTreeMap::new();
    for (index, &row) in rows.iter().enumerate() {
        let value = values.is_valid(row).then(|| values.value(row));
        let (slice_labels, slice_probabilities) = members.entry(value).or_default();
        slice_labels.push(labels[index]);
        slice_probabilities.push(probabilities[index]);
    }
    let slices = members.into_iter().map(|(value, (labels, probabilities))| SliceReport {
        column: column.to_owned(),
        value: value.map(str::to_owned),
        rows: labels.len() as u64,
        metrics: metrics(&labels, &probabilities),
    });
    Ok(slices.collect())
}
