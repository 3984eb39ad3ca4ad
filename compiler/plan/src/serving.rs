//! Deployments and monitors: what the serving side will be told.

use serde::{Deserialize, Serialize};

use crate::expr::Expr;
use crate::model::Comparison;
use crate::source::Field;
use crate::value::{Call, Value};

/// How a model is offered.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Deployment {
    /// The deployment's name.
    pub name: String,
    /// The models, each on the candidates of the one before it.
    pub stages: Vec<Stage>,
    /// Where requests are answered.
    pub endpoints: Vec<Endpoint>,
    /// What is scored without being asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scoring: Vec<Scoring>,
    /// Files that run elsewhere, such as `torchscript(path: …)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<Call>,
    /// The columns a request carries: those of the observed row that inputs and entity keys need.
    pub request: Vec<Field>,
    /// The feature groups that are looked up for a request.
    pub groups: Vec<String>,
    /// What an answer may cost.
    pub budget: Option<ServingBudget>,
    /// How old features may be, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fresh: Option<i64>,
    /// For how long an answer may be given again, in microseconds.
    pub cache: Option<i64>,
    /// How requests are gathered, such as `batch(max: 64, delay: 2ms)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Call>,
    /// What is answered when the model cannot.
    pub fallback: Option<Fallback>,
    /// How many requests are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<RateLimit>,
    /// Who may ask, such as `api_key(key: …)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Call>,
    /// What is said about an answer, such as `shap(top: 5)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<Call>,
    /// What predictions must satisfy before they replace earlier ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<MonitorCondition>,
    /// How a new version takes over, or versions share requests.
    pub rollout: Option<Rollout>,
    /// Whether predictions are kept, and which share of them.
    pub log: Option<f64>,
    /// Why personal data may be used, if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_pii: Option<String>,
}

/// A model of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The model's name.
    pub model: String,
    /// How many candidates it hands on; none if it answers itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep: Option<u32>,
}

/// A place where requests are answered, such as `http(port: 8080)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The transport and its arguments.
    pub transport: Call,
}

/// Predictions that are written without being asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scoring {
    /// The source whose rows are scored; none for the model's own observations.
    pub source: Option<String>,
    /// Whether rows are scored as they come.
    pub stream: bool,
    /// The time between two runs, in microseconds.
    pub every: Option<i64>,
    /// When a run begins.
    pub at: Option<Clock>,
    /// Where predictions go.
    pub into: Call,
    /// Which predictions are written, on the column `prediction`.
    pub filter: Option<Expr>,
}

/// A time of day, UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// The day of the week as ISO 8601 counts it, Monday is 1; none for every day.
    pub day: Option<u8>,
    /// Minutes since midnight.
    pub minute: u16,
}

/// What is answered when the model cannot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fallback {
    /// Always this number.
    Number(f64),
    /// The value of a feature, `GROUP.FEATURE`.
    Feature(String),
    /// Something of the library, such as `popular(source: "items", …)`.
    Call(Call),
}

/// How many requests are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// How many.
    pub count: u64,
    /// In how many microseconds.
    pub per: i64,
}

/// What an answer may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingBudget {
    /// The quantile of latency that is bounded, such as `p99`.
    pub quantile: String,
    /// The bound in microseconds.
    pub latency: i64,
}

/// How a new version takes over, or versions share requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollout {
    /// A growing share of requests.
    Canary(Canary),
    /// A copy of every request, its answers only kept.
    Shadow(Variant),
    /// Fixed shares, compared.
    Ab(Ab),
    /// Shares that follow a reward.
    Bandit(Bandit),
    /// All requests at once.
    BlueGreen(BlueGreen),
}

/// A version of a model by its alias; the production version is the `champion`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The model.
    pub model: String,
    /// The alias.
    pub alias: String,
}

/// A new version gets a growing share of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Canary {
    /// Shares of requests, growing, the last one 1.
    pub steps: Vec<f64>,
    /// How long each share is held, in microseconds.
    pub hold: i64,
    /// When the new version is withdrawn: any of these.
    pub abort: Vec<AbortRule>,
}

/// Versions with fixed shares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ab {
    /// Versions and shares; the shares make 1.
    pub arms: Vec<(Variant, f64)>,
    /// The column of a request that decides its version; none for a random one each time.
    pub by: Option<String>,
    /// The column that says how good an answer was.
    pub reward: Option<String>,
    /// How long shares are held, in microseconds; none without an end.
    pub hold: Option<i64>,
    /// When the first arm takes all requests again: any of these.
    pub abort: Vec<AbortRule>,
}

/// Versions whose shares follow a reward.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bandit {
    /// The versions.
    pub arms: Vec<Variant>,
    /// The column that says how good an answer was.
    pub reward: String,
    /// How shares follow, such as `thompson(floor: 0.05)`.
    pub policy: Call,
}

/// All requests at once to the new version, the old one kept ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlueGreen {
    /// How long the old version is kept, in microseconds.
    pub hold: i64,
    /// When it takes over again: any of these.
    pub abort: Vec<AbortRule>,
}

/// A bound on a serving metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbortRule {
    /// The metric's name, such as `error_rate`.
    pub metric: String,
    /// How metric and bound are compared.
    pub comparison: Comparison,
    /// The bound: a number, or a duration for a latency.
    pub bound: Value,
}

/// What is watched about a deployment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Monitor {
    /// The monitor's name.
    pub name: String,
    /// The deployment's name.
    pub deployment: String,
    /// Where labels come from, if not from the observed source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Conditions and what follows from them.
    pub rules: Vec<MonitorRule>,
}

/// Where labels come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The source.
    pub source: String,
    /// Which of its rows count.
    pub filter: Option<Expr>,
}

/// A condition and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorRule {
    /// What must hold.
    #[serde(flatten)]
    pub condition: MonitorCondition,
    /// The window that is looked at, in microseconds.
    pub over: Option<i64>,
    /// For how many windows in a row the condition must hold; none for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<u32>,
    /// What is done, such as `retrain(model: "late_arrival")`.
    pub action: Call,
    /// The line of the clause, for messages; not part of the meaning.
    pub line: u32,
}

/// A measurement, compared with a bound.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorCondition {
    /// What is measured: a metric's name, a signal such as `p99`, or a drift test such as `psi`.
    pub metric: String,
    /// The model inputs it is measured on, or `prediction`; empty for a measurement of the whole deployment.
    pub inputs: Vec<String>,
    /// Further arguments by name.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub args: std::collections::BTreeMap<String, Value>,
    /// How measurement and bound are compared; none for a detector that says yes or no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<(Comparison, Value)>,
}

impl Deployment {
    /// The model whose prediction is the answer.
    pub fn model(&self) -> &str {
        self.stages.last().map_or("", |stage| &stage.model)
    }
}
