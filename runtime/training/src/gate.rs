//! A gate against what a training has reached.

use mlsys_plan::Gate;
use serde::{Deserialize, Serialize};

/// What came of a gate, or of one slice of a gate that looks at slices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateResult {
    /// The gate.
    pub gate: Gate,
    /// The slice it was read on; none for the whole part.
    pub slice: Option<String>,
    /// Examples it was read on.
    pub rows: u64,
    /// The metric; none if it is not defined on these rows.
    pub value: Option<f64>,
    /// The bound as a number; none if there is nothing to compare with.
    pub bound: Option<f64>,
    /// What is to be known about the bound, such as which version is the champion.
    pub note: Option<String>,
    /// Whether it counts: slices with too few rows are only reported.
    pub judged: bool,
    /// Whether the bound holds.
    pub met: bool,
}
