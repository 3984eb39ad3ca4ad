//! What reading a source came to.

use serde::{Deserialize, Serialize};

use crate::parts::PartsReport;
use crate::profile::Profile;
use crate::sources::InputFile;

/// What reading a source came to, and what its rows are like.
#[derive(Clone, Debug)]
pub struct ReadSource {
    /// What it came to.
    pub report: SourceReport,
    /// The profile of the rows that stayed; none where no row was read, because the footers of the files say enough.
    pub profile: Option<Profile>,
}

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
    /// Whether the files are read where they are, because no row had to change.
    #[serde(default)]
    pub in_place: bool,
    /// Rows that a later row with the same key, and the same time if rows have one, replaced: they are gone.
    pub duplicates: u64,
    /// Rows that a row with the same key and a later time replaces from then on: they stay for who looks at an earlier
    /// moment.
    #[serde(default)]
    pub replaced: u64,
    /// Rows that were set aside.
    pub quarantined: u64,
    /// What became of each expectation, in declared order.
    pub checks: Vec<CheckReport>,
    /// What became of each check on the table as a whole, in declared order.
    #[serde(default)]
    pub table_checks: Vec<TableCheckReport>,
    /// How much of it there was already, where it is kept in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartsReport>,
    /// How the plan ran, operator by operator, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<String>,
}

impl SourceReport {
    /// A file that is read where it is.
    pub(super) fn in_place(file: &InputFile, rows: u64) -> Self {
        SourceReport {
            files: vec![file.name.clone()],
            rows_read: rows,
            rows_written: rows,
            in_place: true,
            duplicates: 0,
            replaced: 0,
            quarantined: 0,
            checks: Vec::new(),
            table_checks: Vec::new(),
            parts: None,
            explain: None,
        }
    }

    /// What this part and another one of the same source came to.
    pub(super) fn and(mut self, other: SourceReport) -> Self {
        self.files.extend(other.files);
        self.rows_read += other.rows_read;
        self.rows_written += other.rows_written;
        self.in_place &= other.in_place;
        self.duplicates += other.duplicates;
        self.replaced += other.replaced;
        self.quarantined += other.quarantined;
        for (check, more) in self.checks.iter_mut().zip(other.checks) {
            check.violations += more.violations;
        }
        self.explain = other.explain.or(self.explain);
        self
    }
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

/// What became of a check on a table as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCheckReport {
    /// The line of the check.
    pub line: u32,
    /// The check as it is written.
    pub text: String,
    /// What happens if it does not hold: `warn` or `fail`.
    pub action: String,
    /// What was found.
    pub found: String,
    /// Whether it holds.
    pub holds: bool,
}
