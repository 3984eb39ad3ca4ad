//! Feature groups: aggregates over the past of one entity.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::expr::{Derived, Expr};
use crate::types::ValueType;
use crate::value::Value;

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
    /// The column that holds the row's own time, as of which other tables are looked up; none where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Which rows count; a null result leaves the row out.
    pub filter: Option<Expr>,
    /// The source's key columns, which order rows of one instant.
    pub order: Vec<String>,
    /// Aggregates, one per window.
    pub aggregates: Vec<Aggregate>,
    /// Features computed from other features of the group, each only from those before it.
    pub derived: Vec<Derived>,
    /// How often values are brought up to date where no stream does, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<i64>,
}

impl Features {
    /// The names in `wanted`, and those of the features that derived ones among them read.
    pub fn needed<'a>(&'a self, wanted: impl IntoIterator<Item = &'a str>) -> BTreeSet<&'a str> {
        let mut names: BTreeSet<&str> = wanted.into_iter().collect();
        // Derived features read only features before them: from the last to the first, one pass is enough.
        for derived in self.derived.iter().rev() {
            if names.contains(derived.name.as_str()) {
                derived.expr.visit_columns(&mut |name| {
                    names.insert(name);
                });
            }
        }
        names
    }

    /// Every expression of the group.
    pub fn exprs(&self) -> Vec<&Expr> {
        let aggregates = self.aggregates.iter().flat_map(|each| each.argument.iter().chain(&each.filter));
        let derived = self.derived.iter().map(|derived| &derived.expr);
        std::iter::once(&self.at).chain(&self.filter).chain(aggregates).chain(derived).collect()
    }

    /// The group with only these features and those that they read.
    #[must_use]
    pub fn only<'a>(&'a self, wanted: impl IntoIterator<Item = &'a str>) -> Features {
        let names = self.needed(wanted);
        Features {
            aggregates: self.aggregates.iter().filter(|each| names.contains(each.name.as_str())).cloned().collect(),
            derived: self.derived.iter().filter(|each| names.contains(each.name.as_str())).cloned().collect(),
            ..self.clone()
        }
    }
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
    /// The feature's name; with a dot in it, the aggregate is a part of the feature before the dot.
    pub name: String,
    /// The aggregate's name in the language, such as `mean`.
    pub function: String,
    /// What is aggregated; none counts rows. Null values are skipped.
    pub argument: Option<Expr>,
    /// The aggregate's constant arguments by name, such as the `k` of `top_k`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, Value>,
    /// Which of the group's rows this aggregate sees; a null result leaves the row out.
    pub filter: Option<Expr>,
    /// The rows that are seen.
    pub window: Window,
    /// By how much the window's far end moves at once, in microseconds; none if it moves with every row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<i64>,
    /// How far the window is shifted into the past, in microseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: i64,
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
    /// The last rows with `time < t`.
    Last {
        /// How many, more than zero.
        rows: u32,
    },
}

impl Aggregate {
    /// Whether the aggregate is a feature by itself, and no part of another one's expression.
    pub fn is_feature(&self) -> bool {
        !self.name.contains('.')
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::All => f.write_str("all"),
            Window::Last { rows } => write!(f, "last {rows}"),
            Window::Range { width } => f.write_str(&crate::text::duration(*width)),
        }
    }
}
