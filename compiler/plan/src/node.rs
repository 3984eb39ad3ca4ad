//! The graph itself: nodes, where they come from, and reading and writing a plan.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::expr::Expr;
use crate::features::Features;
use crate::model::{Join, Observe, Train};
use crate::serving::{Deployment, Monitor};
use crate::source::Source;

/// The version of the plan's format. A reader refuses any other.
pub const VERSION: u32 = 2;

/// A compiled program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The format's version: [`VERSION`].
    pub version: u32,
    /// The program's name: its root file without folder and extension.
    pub program: String,
    /// The nodes, each after all of its inputs; the order is a function of the program alone.
    pub nodes: Vec<Node>,
}

/// A step of the work, or a thing to serve.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The node's name within the plan.
    pub id: NodeId,
    /// Where the program says so.
    pub origin: Origin,
    /// The nodes whose output this one reads.
    pub inputs: Vec<NodeId>,
    /// What the node is.
    pub operation: Operation,
}

/// The name of a node, unique in its plan, such as `source.flights` or `join.late_arrival.airline_punctuality`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(String);

/// The declaration a node was lowered from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file, relative to the project's folder.
    pub file: String,
    /// The line of the declaration, from 1.
    pub line: u32,
    /// The declaration as a reader would name it, such as `source flights`.
    pub name: String,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "there are few of them, and boxes would stand in the way of every reader"
)]
pub enum Operation {
    /// Reads, derives and checks rows. Writes every column of the source.
    Source(Source),
    /// Defines a feature group; its values are computed where they are asked for.
    Features(Features),
    /// Makes a model's examples from a source. One input: the source.
    Observe(Observe),
    /// Adds a group's features to the examples. Inputs: the observations, the group.
    Join(Join),
    /// Trains a model. Inputs: the observations, then its joins.
    Train(Train),
    /// Offers a model. One input: the training.
    Deployment(Deployment),
    /// Watches a deployment. One input: the deployment.
    Monitor(Monitor),
}

/// Why a text is not a plan that can be run.
#[derive(Debug)]
pub enum PlanError {
    /// The text is not a plan.
    Malformed(serde_json::Error),
    /// The plan has another version.
    Version(u32),
    /// A node reads a node that does not come before it.
    Order(NodeId, NodeId),
}

impl From<&str> for NodeId {
    fn from(name: &str) -> Self {
        NodeId(name.to_owned())
    }
}

impl NodeId {
    /// A node's name from its parts.
    pub fn new(kind: &str, name: &str) -> Self {
        NodeId(format!("{kind}.{name}"))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Operation {
    /// The word for this kind of node.
    pub fn kind(&self) -> &'static str {
        match self {
            Operation::Source(_) => "source",
            Operation::Features(_) => "features",
            Operation::Observe(_) => "observe",
            Operation::Join(_) => "join",
            Operation::Train(_) => "train",
            Operation::Deployment(_) => "deployment",
            Operation::Monitor(_) => "monitor",
        }
    }
}

impl Operation {
    /// Every expression of the operation, in declared order.
    pub fn exprs(&self) -> Vec<&Expr> {
        match self {
            Operation::Source(source) => source.exprs(),
            Operation::Features(group) => group.exprs(),
            Operation::Observe(observe) => observe.exprs(),
            Operation::Deployment(deployment) => {
                deployment.scoring.iter().filter_map(|scoring| scoring.filter.as_ref()).collect()
            }
            Operation::Monitor(monitor) => {
                monitor.outcome.iter().filter_map(|outcome| outcome.filter.as_ref()).collect()
            }
            Operation::Join(_) | Operation::Train(_) => Vec::new(),
        }
    }

    /// The tables that the operation looks up, without repetition.
    pub fn lookups(&self) -> BTreeSet<&str> {
        Expr::lookups(self.exprs())
    }
}

impl Plan {
    /// The node of that name.
    pub fn node(&self, id: &NodeId) -> Option<&Node> {
        self.nodes.iter().find(|node| node.id == *id)
    }

    /// The plan of the named nodes and of what they read; none if there is no node of one of the names.
    pub fn only(&self, names: &[NodeId]) -> Option<Plan> {
        let mut wanted: BTreeSet<&NodeId> = names.iter().collect();
        if wanted.iter().any(|name| self.node(name).is_none()) {
            return None;
        }
        // Every node stands behind its inputs: from the back one pass is enough.
        for node in self.nodes.iter().rev() {
            if wanted.contains(&node.id) {
                wanted.extend(&node.inputs);
            }
        }
        let nodes = self.nodes.iter().filter(|node| wanted.contains(&node.id)).cloned().collect();
        Some(Plan { version: self.version, program: self.program.clone(), nodes })
    }

    /// The plan as JSON, the same bytes for equal plans.
    ///
    /// # Errors
    /// Fails only if a number in the plan is not finite.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads a plan that [`Plan::to_json`] wrote.
    ///
    /// # Errors
    /// The text is not a plan, has another version, or its nodes are not in order.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        #[derive(Deserialize)]
        struct Header {
            version: u32,
        }
        let header: Header = serde_json::from_str(text).map_err(PlanError::Malformed)?;
        if header.version != VERSION {
            return Err(PlanError::Version(header.version));
        }
        let plan: Plan = serde_json::from_str(text).map_err(PlanError::Malformed)?;
        plan.check_order()?;
        Ok(plan)
    }

    fn check_order(&self) -> Result<(), PlanError> {
        let mut seen = BTreeSet::new();
        for node in &self.nodes {
            if let Some(missing) = node.inputs.iter().find(|input| !seen.contains(*input)) {
                return Err(PlanError::Order(node.id.clone(), missing.clone()));
            }
            seen.insert(&node.id);
        }
        Ok(())
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlanError::Malformed(error) => write!(f, "not a plan: {error}"),
            PlanError::Version(found) => {
                write!(f, "the plan has version {found}, this program reads version {VERSION}: build it again")
            }
            PlanError::Order(node, input) => write!(f, "`{node}` reads `{input}`, which does not come before it"),
        }
    }
}

impl std::error::Error for PlanError {}
