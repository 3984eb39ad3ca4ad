//! The kinds of work, one file each: how a node fills its draft.

mod join;
mod observe;
mod source;
mod train;

use std::collections::BTreeSet;
use std::path::PathBuf;

use mlsys_dataflow::{Dataflow, LookedUp};
use mlsys_plan::{Node, NodeId, Operation, Plan};
use mlsys_store::{Draft, Slot};
use serde_json::Value;

use crate::error::RunError;
use crate::event::{Event, Observer};
use crate::run::Options;

/// The file that holds a node's rows.
pub(crate) const DATA: &str = "data.parquet";

/// The file that holds a node's report.
pub(crate) const REPORT: &str = "report.json";

/// The folder of a training's result that holds the model.
pub(crate) const MODEL: &str = "model";

/// What a step works with.
pub(crate) struct Work<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) node: &'a Node,
    pub(crate) options: &'a Options,
    pub(crate) dataflow: &'a Dataflow,
    pub(crate) observer: Observer<'a>,
    /// Results of nodes before this one.
    pub(crate) slots: &'a std::collections::BTreeMap<NodeId, Slot>,
    /// Where this node's quarantined rows go.
    pub(crate) quarantine: PathBuf,
}

/// Whether a node is work at all; definitions and what is served are not.
pub(crate) fn is_work(operation: &Operation) -> bool {
    matches!(operation, Operation::Source(_) | Operation::Observe(_) | Operation::Join(_) | Operation::Train(_))
}

/// Executes a node into its draft; its report.
pub(crate) async fn execute(work: &Work<'_>, draft: &Draft) -> Result<Value, RunError> {
    match &work.node.operation {
        Operation::Source(source) => source::execute(work, source, draft).await,
        Operation::Observe(observe) => observe::execute(work, observe, draft).await,
        Operation::Join(join) => join::execute(work, join, draft).await,
        Operation::Train(train) => train::execute(work, train, draft).await,
        Operation::Features(_) | Operation::Deployment(_) | Operation::Monitor(_) => Ok(Value::Null),
    }
}

impl Work<'_> {
    /// The rows of a node before this one.
    fn rows_of(&self, node: &NodeId) -> Result<PathBuf, RunError> {
        let slot = self.slots.get(node).ok_or_else(|| RunError::internal(format!("`{node}` has no result")))?;
        Ok(slot.file(DATA))
    }

    /// The dataflow, with the tables at hand that a node's expressions, or those of the group it joins, look up.
    async fn dataflow(&self) -> Result<Dataflow, RunError> {
        let read = self.node.inputs.iter().filter_map(|input| self.plan.node(input));
        let group = read.filter(|node| matches!(node.operation, Operation::Features(_)));
        let names: BTreeSet<&str> = group.chain([self.node]).flat_map(|node| node.operation.lookups()).collect();
        let mut tables = Vec::new();
        for name in names {
            let id = NodeId::new("source", name);
            let Some(Operation::Source(source)) = self.plan.node(&id).map(|node| &node.operation) else {
                return Err(RunError::internal(format!("`{name}` is looked up and is no source")));
            };
            tables.push(LookedUp { name: &source.name, keys: &source.key, table: self.rows_of(&id)? });
        }
        Ok(self.dataflow.clone().looking_up(&tables).await?)
    }

    /// Tells how many rows were read.
    fn progress(&self) -> impl Fn(u64) + Send + Sync {
        let (node, observer) = (self.node, self.observer);
        move |rows| observer(Event::Rows { node, rows })
    }
}
