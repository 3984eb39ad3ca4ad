//! How a model behaves when inputs change.

use mlsys_plan::Behaviour;
use serde::{Deserialize, Serialize};

/// What came of each of a training's behaviours, in their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BehaviourReport {
    /// What was seen of each.
    pub seen: Vec<Seen>,
}

/// How predictions followed an input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Examples that were looked at.
    pub examples: u64,
    /// Comparisons of a prediction before and after a change; an example is changed several times, and a change to an equal
    /// value is none.
    pub compared: u64,
    /// How many of them are as expected.
    pub held: u64,
    /// The one that is least as expected; none where all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst: Option<Changed>,
}

/// An example whose input was changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Changed {
    /// The input's own value and the one in its place, as text; none of personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<(String, String)>,
    /// The prediction with the input's own value; none where the model has none.
    pub before: Option<f64>,
    /// The prediction with the other one.
    pub after: Option<f64>,
}

/// An expectation of a test of the model against what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BehaviourResult {
    /// The expectation.
    pub behaviour: Behaviour,
    /// What was seen.
    #[serde(flatten)]
    pub seen: Seen,
    /// Whether enough comparisons hold; not if there was nothing to compare.
    pub met: bool,
}

impl Seen {
    /// The share of comparisons that are as expected; none where nothing could be compared.
    #[expect(clippy::cast_precision_loss, reason = "numbers of comparisons are far below 2^52")]
    pub fn share(&self) -> Option<f64> {
        (self.compared > 0).then(|| self.held as f64 / self.compared as f64)
    }
}
