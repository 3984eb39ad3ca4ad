//! What reading a source came to.

use serde::{Deserialize, Serialize};

/// What reading a source came to: `rows_read` is `rows_written`, `duplicates`, `quarantined` and what expectations
/// with `drop` left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The files that were read, in order, relative to the project.
    pub files: Vec<String>,
    /// Rows in the files.
    pub rows_read: u64,
    /// Rows that stayed.
    pub rows_written: u64,
    /// Rows that a later row with the same key replaced.
    pub duplicates: u64,
    /// Rows that were set aside.
    pub quarantined: u64,
    /// What became of each expectation, in declared order.
    pub checks: Vec<CheckReport>,
}

/// What became of an expectation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// The line of the expectation.
    pub line: u32,
    /// The predicate.
    pub text: String,
    /// What happens to a row that fails it: `warn`, `drop`, `quarantine` or `fail`.
    pub action: String,
    /// How many rows failed it.
    pub violations: u64,
}
