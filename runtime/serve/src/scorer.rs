//! What a deployment answers with: one version of a model with everything it needs.

use arrow::array::RecordBatch;
use async_trait::async_trait;
use mlsys_plan::Field;
use thiserror::Error;

/// Which model answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version {
    /// The model's name.
    pub model: String,
    /// The version's number in the registry.
    pub number: u64,
    /// The alias by which the deployment holds it, such as `champion`.
    pub variant: String,
    /// The artefact's content hash.
    pub artefact: String,
}

/// Answers to rows of a request's columns.
#[async_trait]
pub trait Scorer: Send + Sync {
    /// Which version this is.
    fn version(&self) -> &Version;

    /// The columns of its answers, such as `prediction: float64`; the same ones for every call.
    fn outputs(&self) -> &[Field];

    /// Whether it can answer: its model is loaded and its features are within reach.
    fn ready(&self) -> bool {
        true
    }

    /// Answers to rows of the deployment's request columns, as of `now` in microseconds since 1970. The rows may be of
    /// several requests. A row that cannot be answered is named in [`Scored::failed`] and does not touch the others.
    ///
    /// # Errors
    /// None of the rows can be answered.
    async fn score(&self, rows: RecordBatch, now: i64) -> Result<Scored, ScoreError>;
}

/// Answers, row by row.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The output columns, one row for each that was asked.
    pub predictions: RecordBatch,
    /// Rows without an answer, ascending, with the reason for the caller.
    pub failed: Vec<(usize, String)>,
    /// The features that were looked up, for the log; one row for each that was asked.
    pub features: Option<RecordBatch>,
}

impl Scored {
    /// Why a row has no answer, if it has none.
    pub fn failure(&self, row: usize) -> Option<&str> {
        let place = self.failed.binary_search_by_key(&row, |(row, _)| *row).ok()?;
        Some(&self.failed[place].1)
    }
}

/// Why no row has an answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ScoreError {
    /// Something that is needed cannot be reached, such as the feature store; it may be there again later.
    #[error("{0}")]
    Unavailable(String),
    /// The rows cannot be answered, now or later.
    #[error("{0}")]
    Failed(String),
}
