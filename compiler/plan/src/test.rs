//! Tests of definitions: rows of sources, and what must follow from them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::expr::{Expr, Literal};
use crate::node::Origin;

/// A `test` declaration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestCase {
    /// The test's name.
    pub name: String,
    /// Where the program says so.
    pub origin: Origin,
    /// Rows by source. A source that a group reads and that has no rows here is empty.
    pub given: Vec<GivenRows>,
    /// Features that must have these values.
    pub features: Vec<ExpectedFeatures>,
    /// Conditions without columns that must hold, each with its line.
    pub conditions: Vec<(Expr, u32)>,
}

/// The rows of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GivenRows {
    /// The source's name.
    pub source: String,
    /// Values by declared column; a column that is left out is missing or has its default.
    pub rows: Vec<BTreeMap<String, Literal>>,
}

/// Values that a group's features must have for one entity at one instant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExpectedFeatures {
    /// The group's name.
    pub group: String,
    /// The entity's keys, in the entity's order.
    pub keys: Vec<Literal>,
    /// The instant, in microseconds since 1970.
    pub at: i64,
    /// Values by feature; floats may differ by rounding.
    pub values: BTreeMap<String, Literal>,
    /// The line of the clause, for messages.
    pub line: u32,
}
