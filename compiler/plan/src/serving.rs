//! Deployments and monitors: what the serving side will be told.

use serde::{Deserialize, Serialize};

use crate::model::Comparison;
use crate::source::Field;
use crate::value::{Call, Value};

/// How a model is offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The deployment's name.
    pub name: String,
    /// The model's name.
    pub model: String,
    /// Where requests are answered.
    pub endpoints: Vec<Endpoint>,
    /// The columns a request carries: those of the observed row that inputs and entity keys need.
    pub request: Vec<Field>,
    /// The feature groups that are looked up for a request.
    pub groups: Vec<String>,
    /// What an answer may cost.
    pub budget: Option<ServingBudget>,
    /// For how long an answer may be given again, in microseconds.
    pub cache: Option<i64>,
    /// The prediction that is given when the model cannot answer.
    pub fallback: Option<f64>,
    /// How a new version takes over.
    pub canary: Option<Canary>,
    /// Whether predictions are kept.
    pub log_predictions: bool,
}

/// A place where requests are answered, such as `http(port: 8080)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The transport and its arguments.
    pub transport: Call,
}

/// What an answer may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServingBudget {
    /// The quantile of latency that is bounded, such as `p99`.
    pub quantile: String,
    /// The bound in microseconds.
    pub latency: i64,
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
    /// Conditions and what follows from them.
    pub rules: Vec<MonitorRule>,
}

/// A condition and what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MonitorRule {
    /// What is measured: a metric's name or a drift test such as `psi`.
    pub metric: String,
    /// The model inputs it is measured on; empty for a metric of the whole deployment.
    pub inputs: Vec<String>,
    /// How metric and bound are compared.
    pub comparison: Comparison,
    /// The bound: a number, or a duration for a latency.
    pub bound: Value,
    /// The window that is looked at, in microseconds.
    pub over: Option<i64>,
    /// What is done, such as `retrain(model: "late_arrival")`.
    pub action: Call,
    /// The line of the clause, for messages; not part of the meaning.
    pub line: u32,
}
