//! What a worker leaves behind.

use std::collections::BTreeMap;

use mlsys_plan::{Metric, Part, Value};
use serde::{Deserialize, Serialize};

/// Metrics by name; a metric that is not defined on the rows (one class only) is absent.
pub type VersionMetrics = BTreeMap<Metric, f64>;

/// What a training leaves in `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// The parts' sizes and metrics.
    pub parts: BTreeMap<Part, PartReport>,
    /// Examples left out because their label was not known in time.
    pub left_out: u64,
    /// Learning curves, of the best trial if there was a search.
    pub epochs: Vec<EpochReport>,
    /// The epoch whose weights were kept, from 1.
    pub best_epoch: u32,
    /// Learnt parameters.
    pub parameters: u64,
    /// How each input was encoded.
    pub inputs: Vec<InputReport>,
    /// Every trial of the search, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<TrialReport>,
    /// The trial whose model was kept, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_trial: Option<u32>,
    /// Wall-clock seconds of the training loop, of all trials together.
    pub seconds: f64,
}

/// An epoch's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// The epoch, from 1.
    pub epoch: u32,
    /// Mean training loss over the epoch.
    pub loss: f64,
    /// The validation part's metrics, where there is one.
    pub validate: VersionMetrics,
    /// Seconds since training began.
    pub seconds: f64,
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrialReport {
    /// The trial, from 1.
    pub trial: u32,
    /// What was tried: the searched arguments and settings by name.
    pub values: BTreeMap<String, Value>,
    /// The search's metric; none if the trial failed or the metric is not defined.
    pub score: Option<f64>,
    /// The epoch whose weights were judged, from 1; 0 if the trial failed.
    pub best_epoch: u32,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Why the trial failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A part's size and metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartReport {
    /// Examples.
    pub rows: u64,
    /// Examples whose label holds.
    pub positives: u64,
    /// Metrics over the whole part.
    pub metrics: VersionMetrics,
    /// Metrics of each slice of each column that a gate names, ordered by column and value.
    pub slices: Vec<SliceReport>,
}

/// A slice's size and metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceReport {
    /// The column that is sliced.
    pub column: String,
    /// The slice's value as text; none is the slice of missing values.
    pub value: Option<String>,
    /// Examples.
    pub rows: u64,
    /// Metrics over the slice.
    pub metrics: VersionMetrics,
}

/// How an input was encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputReport {
    /// The input's name.
    pub name: String,
    /// The encoder, such as `standardise` or `embedding(16 -> 9)`.
    pub encoder: String,
    /// Share of the training part's values that were missing.
    pub missing: f64,
}

/// How good a trained model is on the examples of another training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeReport {
    /// The parts' sizes and metrics.
    pub parts: BTreeMap<Part, PartReport>,
}
