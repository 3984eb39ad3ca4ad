//! What a clause has scored and delivered, as it is remembered between runs.

use std::path::PathBuf;

use mlsys_plan::{Call, Expr};
use mlsys_store::{Scores, StoreError};
use serde::{Deserialize, Serialize};

/// The file that holds the ledger.
const LEDGER: &str = "ledger.json";

/// The file that names what is about to be delivered.
const PENDING: &str = "pending.json";

/// What was scored and delivered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ledger {
    /// Where predictions went.
    pub(crate) into: Call,
    /// Which of them.
    pub(crate) filter: Option<Expr>,
    /// The pieces, in the source's order.
    pub(crate) entries: Vec<Entry>,
    /// The files that hold them.
    pub(crate) files: Vec<Written>,
    /// Files that were left in places where predictions went before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) left: Vec<Written>,
}

/// A piece that was scored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What tells its rows from others.
    pub(crate) rows: String,
    /// The definition of the inputs that were predicted from.
    pub(crate) definition: String,
    /// A fingerprint of these inputs.
    pub(crate) inputs: String,
    /// The name of its predictions.
    pub(crate) part: String,
    /// The version that predicted.
    pub(crate) version: i64,
    /// Its rows.
    pub(crate) count: u64,
    /// Those with a prediction.
    pub(crate) predicted: u64,
}

/// A file that was delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Written {
    /// Where it is, within the project's folder unless it is absolute.
    pub(crate) path: PathBuf,
    /// The sink that took it.
    pub(crate) into: Call,
    /// A fingerprint of what it was made of.
    pub(crate) made_of: String,
    /// The SHA-256 of its content.
    pub(crate) digest: String,
    /// Its rows.
    pub(crate) rows: u64,
}

impl Ledger {
    /// What was remembered; nothing if nothing was.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn read(scores: &Scores) -> Result<Self, StoreError> {
        Ok(scores.read(LEDGER)?.unwrap_or_default())
    }

    /// Remembers everything at once.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn write(&self, scores: &Scores) -> Result<(), StoreError> {
        scores.write(LEDGER, self)
    }

    /// The entry of a piece with these rows.
    pub(crate) fn entry(&self, rows: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.rows == rows)
    }
}

/// Files of a delivery that was begun and not ended.
///
/// # Errors
/// They cannot be read.
pub(super) fn pending(scores: &Scores) -> Result<Vec<Written>, StoreError> {
    Ok(scores.read(PENDING)?.unwrap_or_default())
}

/// Notes which files are about to be delivered; none once they are.
///
/// # Errors
/// It cannot be noted.
pub(super) fn note_pending(scores: &Scores, files: &[Written]) -> Result<(), StoreError> {
    if files.is_empty() { scores.remove(PENDING) } else { scores.write(PENDING, &files) }
}
