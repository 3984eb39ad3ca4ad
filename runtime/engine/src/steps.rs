//! The kinds of work, one file each: how a node fills its draft.

mod features;
pub(crate) mod join;
mod observe;
mod source;
mod train;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use mlsys_dataflow::{Dataflow, LookedUp, Parts, Target};
use mlsys_plan::{Fingerprint, Node, NodeId, Operation, Plan, Source};
use mlsys_store::{Draft, Slot};
use serde_json::Value;

use crate::error::RunError;
use crate::event::{Event, Observer};
use crate::run::Options;

/// The file that holds a node's rows.
pub(crate) const DATA: &str = "data.parquet";

/// The file that holds a node's report.
pub(crate) use mlsys_store::REPORT;

/// The file of a training's result with the parts of examples, where these are chosen by features.
pub(crate) const CHOSEN: &str = "chosen.parquet";

/// The folder of a training's result that holds the model.
pub(crate) const MODEL: &str = "model";

/// The file that every model has; beside it lies what its learner has left.
pub(crate) const DESCRIPTION: &str = "model.json";

/// The folder, in the state folder, that holds what trainings keep which are not done.
pub(crate) const CHECKPOINTS: &str = "checkpoints";

/// What a step works with.
pub(crate) struct Work<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) node: &'a Node,
    /// The fingerprint of the node's result; none for work that has none of its own.
    pub(crate) fingerprint: Option<&'a Fingerprint>,
    pub(crate) options: &'a Options,
    pub(crate) dataflow: &'a Dataflow,
    pub(crate) observer: Observer<'a>,
    /// Results of nodes before this one.
    pub(crate) slots: &'a BTreeMap<NodeId, Slot>,
    /// Where parts of the node's table are kept.
    pub(crate) parts: Parts<'a>,
    /// The digests of the files of a source, in the order in which they are read.
    pub(crate) files: &'a [String],
    /// Where this node's quarantined rows go.
    pub(crate) quarantine: PathBuf,
}

/// Whether a node is work at all; what is served is not, and a group's values are none that only a join needs.
pub(crate) fn is_work(node: &Node, options: &Options) -> bool {
    match &node.operation {
        Operation::Source(_) | Operation::Observe(_) | Operation::Join(_) | Operation::Train(_) => true,
        Operation::Features(_) => options.only.is_empty() || options.only.contains(&node.id),
        Operation::Deployment(_) | Operation::Monitor(_) => false,
    }
}

/// Executes a node into its draft; its report.
pub(crate) async fn execute(work: &Work<'_>, draft: &Draft) -> Result<Value, RunError> {
    match &work.node.operation {
        Operation::Source(source) => source::execute(work, source, draft).await,
        Operation::Observe(observe) => observe::execute(work, observe, draft).await,
        Operation::Join(_) => Err(RunError::internal("joins are made together")),
        Operation::Train(train) => train::execute(work, train, draft).await,
        Operation::Features(features) => features::execute(work, features, draft).await,
        Operation::Deployment(_) | Operation::Monitor(_) => Ok(Value::Null),
    }
}

/// A node whose result is in its slot, made now or before: its report, with what depends on the moment of the run.
pub(crate) async fn conclude(
    dataflow: &Dataflow,
    options: &Options,
    node: &Node,
    slot: &Slot,
) -> Result<Value, RunError> {
    let report = slot.read(REPORT)?;
    match &node.operation {
        Operation::Source(source) => source::conclude(dataflow, options, source, slot, report).await,
        _ => Ok(report),
    }
}

/// The rows of a node that was brought up to date.
pub(crate) fn rows_of(slots: &BTreeMap<NodeId, Slot>, node: &NodeId) -> Result<PathBuf, RunError> {
    let slot = slots.get(node).ok_or_else(|| RunError::internal(format!("`{node}` has no result")))?;
    Ok(slot.file(DATA))
}

impl Work<'_> {
    /// The rows of a node before this one.
    fn rows_of(&self, node: &NodeId) -> Result<PathBuf, RunError> {
        rows_of(self.slots, node)
    }

    /// The dataflow, with the tables at hand that a node's expressions, or those of the group it joins, look up, and
    /// those that the tables' own expressions look up.
    pub(crate) async fn dataflow(&self) -> Result<Dataflow, RunError> {
        let read = self.node.inputs.iter().filter_map(|input| self.plan.node(input));
        let group = read.filter(|node| matches!(node.operation, Operation::Features(_)));
        let mut names: Vec<String> =
            group.chain([self.node]).flat_map(|node| node.operation.lookups()).map(str::to_owned).collect();
        let (mut tables, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(name) = names.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let table = self.looked_up(&name)?;
            if let Some(node) = self.plan.node(&NodeId::new("features", &name)) {
                names.extend(node.operation.lookups().into_iter().map(str::to_owned));
            }
            tables.push(table);
        }
        Ok(self.dataflow.clone().looking_up(&tables).await?)
    }

    /// The table of that name that expressions look values up in.
    fn looked_up(&self, name: &str) -> Result<LookedUp<'_>, RunError> {
        let group = match self.operation("features", name) {
            Some(Operation::Features(features)) => Some(features),
            _ => None,
        };
        let source = self.source(group.map_or(name, |group| &group.source))?;
        Ok(LookedUp { source, group, table: self.rows_of(&NodeId::new("source", &source.name))? })
    }

    /// The source of that name.
    fn source(&self, name: &str) -> Result<&Source, RunError> {
        match self.operation("source", name) {
            Some(Operation::Source(source)) => Ok(source),
            _ => Err(RunError::internal(format!("the plan has no source `{name}`"))),
        }
    }

    fn operation(&self, kind: &str, name: &str) -> Option<&Operation> {
        self.plan.node(&NodeId::new(kind, name)).map(|node| &node.operation)
    }

    /// Where the node's table is written.
    fn target<'t>(&'t self, table: &'t Path) -> Target<'t> {
        Target { table, parts: Some(self.parts) }
    }

    /// Tells how many rows were read.
    fn progress(&self) -> impl Fn(u64) + Send + Sync {
        let (node, observer) = (self.node, self.observer);
        move |rows| observer(Event::Rows { node, rows })
    }
}
