//! What a worker leaves behind.

use std::collections::BTreeMap;

use mlsys_metrics::Curves;
use mlsys_plan::{Part, Task, Value};
use serde::{Deserialize, Serialize};

use crate::scores::Scores;

/// What a training leaves in `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// What kind of prediction is made.
    pub task: Task,
    /// The parts' sizes and metrics.
    pub parts: BTreeMap<Part, PartReport>,
    /// Examples left out because their label was not known in time.
    pub left_out: u64,
    /// Learning curves, of the best trial if there was a search.
    pub epochs: Vec<EpochReport>,
    /// The epoch, or round of boosting, whose model was kept, from 1.
    pub best_epoch: u32,
    /// Learnt parameters.
    pub parameters: u64,
    /// How each input was encoded.
    pub inputs: Vec<InputReport>,
    /// How much worse predictions are without each input, worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub importance: Vec<Importance>,
    /// Every trial of the search, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<TrialReport>,
    /// The trial whose model was kept, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_trial: Option<u32>,
    /// What came of each fold, where examples are divided into folds; the test part then is all of them, each predicted by
    /// the model that has not seen it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<FoldReport>,
    /// Rows that were learnt from a second, each as often as it was; none where no time passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows_per_second: Option<f64>,
    /// Wall-clock seconds of the training loop, of all trials together.
    pub seconds: f64,
}

/// An epoch's figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochReport {
    /// The epoch, or round of boosting, from 1.
    pub epoch: u32,
    /// Mean training loss over the epoch.
    pub loss: f64,
    /// The validation part's metrics, where there is one.
    pub validate: Scores,
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
    /// The epoch after which the search ended the trial, because others were better by then; none if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_after: Option<u32>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Why the trial failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// A fold's size and metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldReport {
    /// The fold, from 1.
    pub fold: u32,
    /// Its examples.
    pub rows: u64,
    /// Metrics of the model that has learnt from the other folds.
    pub metrics: Scores,
    /// The epoch whose weights were judged, from 1.
    pub best_epoch: u32,
}

/// A part's size and metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartReport {
    /// Examples.
    pub rows: u64,
    /// Examples whose label holds, where it is a truth value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positives: Option<u64>,
    /// Metrics over the whole part.
    pub metrics: Scores,
    /// Metrics of inputs that are taken as the prediction, by the input's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<String, Scores>,
    /// Metrics of each slice of each column that a gate names, ordered by column and value.
    pub slices: Vec<SliceReport>,
    /// What the predictions look like, drawn in the model's report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub curves: Option<Curves>,
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
    pub metrics: Scores,
    /// Metrics of inputs that are taken as the prediction, by the input's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<String, Scores>,
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

/// How much worse predictions are when an input's values are shuffled among the rows (Breiman, 2001).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Importance {
    /// The input's name.
    pub name: String,
    /// The metric that is looked at.
    pub metric: String,
    /// By how much the metric becomes worse, the mean over shuffles; negative where it becomes better.
    pub worse: f64,
    /// The standard deviation over shuffles.
    pub deviation: f64,
}

/// How good a trained model is on the examples of another training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeReport {
    /// The parts' sizes and metrics.
    pub parts: BTreeMap<Part, PartReport>,
}
