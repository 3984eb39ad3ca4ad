//! What a worker is told, as one JSON file.

use std::path::PathBuf;

use mlsys_plan::Train;
use serde::{Deserialize, Serialize};

/// `mlsysd train`: learn a model from examples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainJob {
    /// What is trained.
    pub train: Train,
    /// The examples: tables side by side, equally long and in the same order, each made up of Parquet files one after the
    /// other. The first one holds the columns of an [`mlsys_plan::Observe`] node, the others those of the joins; of
    /// columns with one name the last one counts.
    pub examples: Vec<Vec<PathBuf>>,
    /// A folder, not yet there, that the worker fills: the model's files and `report.json`.
    pub output: PathBuf,
    /// A folder for checkpoints, which outlives a worker that is cut off: a training that finds its own there goes on.
    #[serde(default)]
    pub checkpoints: Option<PathBuf>,
    /// The file that the learner reads, if it reads one ([`module_of`]).
    #[serde(default)]
    pub module: Option<PathBuf>,
    /// Threads a worker may use, each of them where several train together; none lets libtorch choose.
    pub threads: Option<u32>,
}

/// The file that a training's learner reads, as the program writes it: relative to the project.
pub fn module_of(train: &Train) -> Option<&str> {
    if train.learner.name == "torchscript" { train.learner.string("path") } else { None }
}

/// `mlsysd judge`: hold a trained model against the examples of another training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeJob {
    /// The training whose examples and gates are looked at.
    pub train: Train,
    /// The examples, as in [`TrainJob::examples`].
    pub examples: Vec<Vec<PathBuf>>,
    /// The folder of the model.
    pub model: PathBuf,
    /// The file, not yet there, in which the worker leaves a [`crate::JudgeReport`].
    pub output: PathBuf,
    /// Threads the worker may use; none lets libtorch choose.
    pub threads: Option<u32>,
}

/// `mlsysd behave`: change inputs of examples, and see how a trained model's predictions follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BehaveJob {
    /// The training whose [`Train::behaviours`] are looked at.
    pub train: Train,
    /// The examples, as in [`TrainJob::examples`].
    pub examples: Vec<Vec<PathBuf>>,
    /// The folder of the model.
    pub model: PathBuf,
    /// The file, not yet there, in which the worker leaves a [`crate::BehaviourReport`].
    pub output: PathBuf,
    /// Threads the worker may use; none lets libtorch choose.
    pub threads: Option<u32>,
}
