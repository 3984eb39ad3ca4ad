//! What came of a run.

use std::collections::BTreeMap;

use mlsys_plan::NodeId;
use mlsys_tracking::TrackingReport;
use mlsys_training::{BehaviourResult, GateResult, TrainReport};
use serde::Serialize;
use serde_json::Value;

use crate::error::RunError;

/// The record of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The program's name.
    pub program: String,
    /// When the run began, RFC 3339 in UTC.
    pub started_at: String,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The moment that rows were held against, in microseconds since 1970.
    pub now: i64,
    /// The fingerprint of the plan.
    pub plan: String,
    /// The fingerprint of the data of each source.
    pub data: BTreeMap<String, String>,
    /// What came of each node of work, in the plan's order.
    pub nodes: Vec<NodeOutcome>,
    /// What came of each model that has a trained version, now or from before.
    pub models: Vec<ModelOutcome>,
    /// What the program asks for and a run does not do, such as `deployment approve`: it stays a specification.
    pub not_executed: Vec<String>,
    /// What became of what a tracking server was to be told; none where the profile names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<TrackingReport>,
}

/// What came of a node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeOutcome {
    /// The node.
    pub node: NodeId,
    /// How it ended.
    pub outcome: Outcome,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// The node's own report, if it has one.
    pub report: Option<Value>,
    /// The file with rows that were set aside, if there are any.
    pub quarantine: Option<std::path::PathBuf>,
}

/// How a node ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was executed.
    Done,
    /// Its result was there already.
    Current,
    /// Its result was in the shared store, and is here now.
    Fetched,
    /// It failed.
    Failed(RunError),
    /// It was passed over because this node failed.
    Skipped(NodeId),
    /// It was passed over because there is nothing yet to do it with, which is no failure of its own.
    PassedOver(RunError),
}

impl Outcome {
    /// What came of two pieces of work on one node: the worse of them, of equal ones the first.
    pub(crate) fn and(self, other: Outcome) -> Outcome {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(&self) -> u8 {
        match self {
            Outcome::Current => 0,
            Outcome::Fetched => 1,
            Outcome::Done => 2,
            Outcome::Skipped(_) => 3,
            Outcome::PassedOver(_) => 4,
            Outcome::Failed(_) => 5,
        }
    }
}

/// What came of a model.
#[derive(Clone, Debug, Serialize)]
pub struct ModelOutcome {
    /// The model's name.
    pub model: String,
    /// The training's report.
    pub report: TrainReport,
    /// The hash of what was learnt: the same program, data and seed give the same on the same kind of machine.
    pub artefact: String,
    /// Every gate, and every slice of those that look at slices.
    pub gates: Vec<GateResult>,
    /// Every expectation of the model's tests.
    pub behaviours: Vec<BehaviourResult>,
    /// The registered version; none if a gate was not met or a test failed.
    pub version: Option<i64>,
    /// Whether the version was registered by this run.
    pub fresh: bool,
}

impl Summary {
    /// Failures of nodes, in order.
    pub fn failures(&self) -> impl Iterator<Item = &RunError> {
        self.nodes.iter().filter_map(|node| match &node.outcome {
            Outcome::Failed(error) => Some(error),
            _ => None,
        })
    }

    /// Why nodes were passed over that had nothing to be done with, in order.
    pub fn passed_over(&self) -> impl Iterator<Item = &RunError> {
        self.nodes.iter().filter_map(|node| match &node.outcome {
            Outcome::PassedOver(error) => Some(error),
            _ => None,
        })
    }

    /// Whether every node was current, or had nothing to be done with.
    pub fn nothing_to_do(&self) -> bool {
        self.nodes.iter().all(|node| matches!(node.outcome, Outcome::Current | Outcome::PassedOver(_)))
    }

    /// Whether some model's gate was not met, or a test of it failed.
    pub fn gate_missed(&self) -> bool {
        self.models.iter().any(|model| {
            model.gates.iter().any(|gate| gate.judged && !gate.met) || model.behaviours.iter().any(|test| !test.met)
        })
    }
}
