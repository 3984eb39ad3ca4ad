//! What can go wrong in a training job.

use std::path::PathBuf;

use mlsys_collective::GroupError;

/// What to do where numbers are left behind.
const MEND: &str =
    "lower the learning rate, clip gradients (`clip`), or look for values of extreme size among the inputs";

/// Why a job cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The examples cannot be read.
    #[error("cannot read the examples in `{}`: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A column of the examples cannot be used.
    #[error("cannot use the column `{name}` of the examples: {reason}")]
    Column {
        /// The column.
        name: String,
        /// Why.
        reason: String,
    },
    /// The examples do not allow to learn.
    #[error("{0}")]
    NothingToLearn(String),
    /// The loss left the range of numbers.
    #[error("the training loss is not a number in epoch {epoch}: {MEND}")]
    NotANumber {
        /// The epoch, or round, from 1.
        epoch: u32,
    },
    /// A prediction left the range of numbers.
    #[error("the model predicts {value} for row {row} of the {rows} that it is judged on: {MEND}")]
    NoPrediction {
        /// The row, from 1.
        row: usize,
        /// How many rows there are.
        rows: usize,
        /// What is predicted.
        value: f64,
    },
    /// The model cannot be written or read back.
    #[error("cannot write or read the model in `{}`: {reason}", path.display())]
    Artefact {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Predictions cannot be written.
    #[error("cannot write predictions to `{}`: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A module of PyTorch cannot be used.
    #[error("`{name}` {reason}")]
    Module {
        /// Its file, as the program calls it.
        name: String,
        /// What is wrong with it, and what to do.
        reason: String,
    },
    /// Something that this runtime cannot train yet.
    #[error("{0}")]
    Unsupported(String),
    /// The library that grows trees is not there, or refused an operation.
    #[error("{0}")]
    Trees(String),
    /// The processes that train together do not meet, or one of them is gone.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// libtorch refused an operation.
    #[error("libtorch failed: {}", first_line(.0))]
    Torch(#[from] tch::TchError),
}

impl TrainError {
    /// Whether it befalls all processes that train together, at the same point of their work.
    pub(crate) fn is_everywhere(&self) -> bool {
        matches!(self, TrainError::NotANumber { .. } | TrainError::NothingToLearn(_) | TrainError::Unsupported(_))
    }

    /// The diagnostic's code.
    pub fn code(&self) -> &'static str {
        match self {
            TrainError::Unreadable { .. } | TrainError::Column { .. } => "E0930",
            TrainError::NothingToLearn(_) => "E0931",
            TrainError::NotANumber { .. } | TrainError::NoPrediction { .. } => "E0932",
            TrainError::Artefact { .. } => "E0933",
            TrainError::Unwritable { .. } => "E0911",
            TrainError::Unsupported(_) => "E0910",
            TrainError::Trees(_) => "E0934",
            TrainError::Module { .. } => "E0935",
            TrainError::Group(_) => "E0923",
            TrainError::Torch(_) => "E0999",
        }
    }
}

/// libtorch's messages carry a C++ stack trace after their first line.
fn first_line(error: &tch::TchError) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
