//! Sources: where rows come from and what they must satisfy.

use serde::{Deserialize, Serialize};

use crate::expr::{Derived, Expr};
use crate::types::ValueType;
use crate::value::Call;

/// A source of rows: read, derived, checked, without duplicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// The source's name.
    pub name: String,
    /// What reads the history, such as `csv(path: …)`. Paths are relative to the project's folder.
    pub connector: Call,
    /// The declared columns that are read, in declared order.
    pub schema: Vec<Field>,
    /// Columns computed from others, each only from columns before it.
    pub derived: Vec<Derived>,
    /// The column that holds the row's event time; none for a static source.
    pub time: Option<String>,
    /// The columns that identify a row; of rows with equal keys the last one read is kept.
    pub key: Vec<String>,
    /// Columns that become known later than the row's time, with that later time.
    pub known_at: Vec<KnownAt>,
    /// Checks on every row, in declared order.
    pub expectations: Vec<Expectation>,
}

/// A declared column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// The column's type.
    #[serde(flatten)]
    pub ty: ValueType,
    /// The line of the declaration, for messages; not part of the meaning.
    pub line: u32,
}

/// When a column of a row becomes known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KnownAt {
    /// The column.
    pub column: String,
    /// The instant, never before the row's time.
    pub at: Expr,
}

/// A check on a row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// The predicate; a null result counts as satisfied, as in SQL's `CHECK`.
    pub predicate: Expr,
    /// What happens to a row that fails.
    pub on_violation: OnViolation,
    /// The line of the declaration, for messages; not part of the meaning.
    pub line: u32,
}

/// What happens to a row that fails a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnViolation {
    /// The row stays; the violation is counted.
    Warn,
    /// The row is left out and counted.
    Drop,
    /// The row is left out, counted, and kept aside with the reason.
    Quarantine,
    /// The run stops.
    Fail,
}

impl OnViolation {
    /// How the action is written in a program.
    pub fn name(self) -> &'static str {
        match self {
            OnViolation::Warn => "warn",
            OnViolation::Drop => "drop",
            OnViolation::Quarantine => "quarantine",
            OnViolation::Fail => "fail",
        }
    }
}
