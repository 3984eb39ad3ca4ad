//! Sources: where rows come from and what they must satisfy.

use serde::{Deserialize, Serialize};

use crate::expr::{Derived, Expr, Literal};
use crate::model::Comparison;
use crate::types::ValueType;
use crate::value::Call;

/// A source of rows: read, derived, checked, without duplicates.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Source {
    /// The source's name.
    pub name: String,
    /// What reads the history, such as `csv(path: …)`. Paths are relative to the project's folder.
    pub connector: Call,
    /// What reads the same rows live, such as `kafka(topic: …)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Call>,
    /// The declared columns that are read, in declared order.
    pub schema: Vec<Field>,
    /// Columns computed from others, each only from columns before it.
    pub derived: Vec<Derived>,
    /// The column that holds the row's event time; none for a static source.
    pub time: Option<String>,
    /// How late rows may come after their time, in microseconds: the watermark stays that far behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<i64>,
    /// How far back the history reaches, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<i64>,
    /// The columns that identify a row; of rows with equal keys the last one read is kept.
    pub key: Vec<String>,
    /// Columns that become known later than the row's time, with that later time.
    pub known_at: Vec<KnownAt>,
    /// Checks on every row, in declared order.
    pub expectations: Vec<Expectation>,
    /// Checks on the table as a whole, in declared order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<TableCheck>,
}

impl Source {
    /// Every expression of the source.
    pub fn exprs(&self) -> Vec<&Expr> {
        let derived = self.derived.iter().map(|derived| &derived.expr);
        let known = self.known_at.iter().map(|known| &known.at);
        derived.chain(known).chain(self.expectations.iter().map(|each| &each.predicate)).collect()
    }

    /// Every column with its type: the declared ones, then the derived ones.
    pub fn columns(&self) -> Vec<(&str, &ValueType)> {
        let declared = self.schema.iter().map(|field| (field.name.as_str(), &field.ty));
        declared.chain(self.derived.iter().map(|derived| (derived.name.as_str(), &derived.expr.ty))).collect()
    }
}

/// A declared column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// The column's type.
    #[serde(flatten)]
    pub ty: ValueType,
    /// What stands for a missing value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Literal>,
    /// Whether the value is personal data.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pii: bool,
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

/// A check on a table as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableCheck {
    /// What must hold.
    pub check: Check,
    /// What happens where it does not.
    pub on_violation: OnViolation,
    /// The line of the declaration, for messages; not part of the meaning.
    pub line: u32,
}

/// What must hold for a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// No two rows have equal values in these columns.
    Unique(Vec<String>),
    /// The latest row is no older than this many microseconds.
    Fresh(i64),
    /// The number of rows lies between these bounds, both included.
    Rows(i64, i64),
    /// A measure of a column is within a bound.
    Measure {
        /// The measure, such as `missing`.
        measure: String,
        /// The column.
        column: String,
        /// How measure and bound are compared.
        comparison: Comparison,
        /// The bound.
        bound: f64,
        /// The window it is measured over in microseconds; none for the whole table.
        over: Option<i64>,
    },
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
