//! Metrics by the text of their definition, in the order in which they are reported.

use mlsys_plan::{Call, Gate};
use serde::{Deserialize, Serialize};

/// Metrics of some rows; one that is not defined on them, such as with one class only, is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scores(pub Vec<Score>);

/// A metric's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The metric as it is written, such as `auc` or `ndcg(k: 10)`.
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Where it lies with a probability of 95 %, by resampling rows (Efron, 1979), if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<(f64, f64)>,
}

impl Scores {
    /// The value of a metric.
    pub fn get(&self, metric: &str) -> Option<f64> {
        self.0.iter().find(|score| score.metric == metric).map(|score| score.value)
    }

    /// The value of a metric of the program.
    pub fn of(&self, metric: &Call) -> Option<f64> {
        self.get(&metric.to_string())
    }

    /// The value that a gate looks at.
    pub fn of_gate(&self, gate: &Gate) -> Option<f64> {
        self.get(&gate.metric_name())
    }
}

impl FromIterator<Score> for Scores {
    fn from_iter<I: IntoIterator<Item = Score>>(scores: I) -> Self {
        Scores(scores.into_iter().collect())
    }
}
