//! The contract of a training worker: the job it is given, the events it prints, the report it leaves.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::model::{Metric, Part, Train};

/// What a training worker is told, as one JSON file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainJob {
    /// What is trained.
    pub train: Train,
    /// The examples: Parquet files side by side, equally long and in the same order. The first one holds the
    /// columns of an [`crate::Observe`] node, the others those of the joins.
    pub examples: Vec<PathBuf>,
    /// A folder, not yet there, that the worker fills: the model's files and `report.json`.
    pub output: PathBuf,
    /// Threads the worker may use; none lets libtorch choose.
    pub threads: Option<u32>,
}

/// What a training worker prints while it works: one JSON object a line on its standard output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TrainEvent {
    /// The examples are in memory and the encoders are fitted.
    Ready {
        /// Examples per part.
        rows: BTreeMap<Part, u64>,
        /// Learnt parameters.
        parameters: u64,
        /// The largest number of epochs.
        epochs: u32,
        /// Steps per epoch.
        steps: u64,
    },
    /// Part of an epoch is done; sent a few times a second at most.
    Step {
        /// The epoch, from 1.
        epoch: u32,
        /// Steps done in this epoch.
        step: u64,
    },
    /// An epoch is done.
    Epoch(EpochReport),
    /// Training is over and the output folder is complete.
    Done,
    /// The job cannot be done; the worker ends with status 1.
    Failed {
        /// The diagnostic code, such as `E0931`.
        code: String,
        /// What is wrong, in one sentence.
        message: String,
    },
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

/// Metrics by name; a metric that is not defined on the rows (one class only) is absent.
pub type VersionMetrics = BTreeMap<Metric, f64>;

/// What a training worker leaves in `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainReport {
    /// The parts' sizes and metrics.
    pub parts: BTreeMap<Part, PartReport>,
    /// Examples left out because their label was not known in time, per part they would have been in.
    pub left_out: u64,
    /// Learning curves.
    pub epochs: Vec<EpochReport>,
    /// The epoch whose weights were kept, from 1.
    pub best_epoch: u32,
    /// Learnt parameters.
    pub parameters: u64,
    /// How each input was encoded.
    pub inputs: Vec<InputReport>,
    /// Wall-clock seconds of the training loop.
    pub seconds: f64,
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
