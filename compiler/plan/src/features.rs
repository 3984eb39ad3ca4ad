//! Feature groups: aggregates over the past of one entity.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::expr::{Derived, Expr};
use crate::types::ValueType;

/// A group of features of one entity over one source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// The group's name.
    pub name: String,
    /// The entity's name.
    pub entity: String,
    /// The entity's keys and the source columns that hold them.
    pub keys: Vec<EntityKey>,
    /// The source's name.
    pub source: String,
    /// The instant from which a row is seen; windows run over it. A row without it is never seen.
    pub at: Expr,
    /// Which rows count; a null result leaves the row out.
    pub filter: Option<Expr>,
    /// The source's key columns, which order rows of one instant.
    pub order: Vec<String>,
    /// Aggregates, one per window.
    pub aggregates: Vec<Aggregate>,
    /// Features computed from other features of the group, each only from those before it.
    pub derived: Vec<Derived>,
}

/// A key of an entity and the column that holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EntityKey {
    /// The key's name in the entity.
    pub name: String,
    /// The column of the source.
    pub column: String,
    /// The key's type.
    #[serde(flatten)]
    pub ty: ValueType,
}

/// An aggregate over a window of an entity's rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Aggregate {
    /// The feature's name.
    pub name: String,
    /// The aggregate's name in the language, such as `mean`.
    pub function: String,
    /// What is aggregated; none counts rows. Null values are skipped.
    pub argument: Option<Expr>,
    /// Which of the group's rows this aggregate sees; a null result leaves the row out.
    pub filter: Option<Expr>,
    /// The rows that are seen.
    pub window: Window,
    /// The type of the feature.
    #[serde(flatten)]
    pub ty: ValueType,
    /// The line of the definition, for messages; not part of the meaning.
    pub line: u32,
}

/// The rows an aggregate sees at an instant `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// Every row with `time < t`.
    All,
    /// Rows with `t - width <= time < t`.
    Range {
        /// The window's length in microseconds, more than zero.
        width: i64,
    },
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::All => f.write_str("all"),
            Window::Range { width } => f.write_str(&crate::text::duration(*width)),
        }
    }
}
