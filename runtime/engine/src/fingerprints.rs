//! Fingerprints of nodes: of what they do and of what they read, down to the content of files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mlsys_dataflow::source_files;
use mlsys_plan::{
    Bound, Call, Comparison, Features, Fingerprint, Gate, Join, Node, NodeId, Operation, Part, Plan, Source, Train,
    Value, fingerprint,
};
use mlsys_store::Digests;

use crate::error::RunError;

/// Raised whenever the same definition over the same data may give another result than before.
const REVISION: &str = "engine 2";

/// Fingerprints by node.
pub(crate) struct Fingerprints {
    of: BTreeMap<NodeId, Fingerprint>,
    /// Digests of the files of each source.
    data: BTreeMap<NodeId, Fingerprint>,
}

impl Fingerprints {
    pub(crate) fn new() -> Self {
        Fingerprints { of: BTreeMap::new(), data: BTreeMap::new() }
    }

    /// Computes and keeps the fingerprint of a node whose inputs have theirs.
    pub(crate) fn add(
        &mut self,
        node: &Node,
        plan: &Plan,
        project: &Path,
        digests: &mut Digests,
    ) -> Result<Fingerprint, RunError> {
        let mut inputs: Vec<Fingerprint> = vec![Fingerprint::of(REVISION.as_bytes())];
        let operation = match &node.operation {
            Operation::Source(source) => {
                let data = data(source, project, digests)?;
                inputs.push(data.clone());
                self.data.insert(node.id.clone(), data);
                // The tables that it looks up.
                inputs.extend(node.inputs.iter().filter_map(|input| self.of.get(input)).cloned());
                Operation::Source(without_path(source))
            }
            Operation::Join(join) => {
                let features = group_of(plan, node).ok_or_else(|| RunError::internal("a join without a group"))?;
                // The group's source, and the tables that it looks up.
                let read = plan.node(&NodeId::new("features", &features.name)).map(|group| group.inputs.as_slice());
                inputs.extend(read.unwrap_or_default().iter().filter_map(|input| self.of.get(input)).cloned());
                inputs.extend(node.inputs.first().and_then(|observe| self.of.get(observe)).cloned());
                inputs.push(fingerprint(&Operation::Features(used(features, join)), &[])?);
                node.operation.clone()
            }
            Operation::Train(train) => {
                inputs.extend(node.inputs.iter().filter_map(|input| self.of.get(input)).cloned());
                Operation::Train(without_bounds(train))
            }
            Operation::Features(_) | Operation::Observe(_) | Operation::Deployment(_) | Operation::Monitor(_) => {
                inputs.extend(node.inputs.iter().filter_map(|input| self.of.get(input)).cloned());
                node.operation.clone()
            }
        };
        let inputs: Vec<&Fingerprint> = inputs.iter().collect();
        let found = fingerprint(&operation, &inputs)?;
        self.of.insert(node.id.clone(), found.clone());
        Ok(found)
    }

    /// The fingerprint of all data that sources read.
    pub(crate) fn all_data(&self) -> Fingerprint {
        let lines: Vec<String> = self.data.iter().map(|(node, data)| format!("{data}  {node}\n")).collect();
        Fingerprint::of(lines.concat().as_bytes())
    }
}

/// The fingerprint of a whole plan: its definitions without lines.
pub(crate) fn of_plan(plan: &Plan) -> Result<Fingerprint, RunError> {
    let mut lines = String::new();
    for node in &plan.nodes {
        let found = fingerprint(&node.operation, &[])?;
        lines.push_str(&format!("{found}  {}\n", node.id));
    }
    Ok(Fingerprint::of(lines.as_bytes()))
}

fn data(source: &Source, project: &Path, digests: &mut Digests) -> Result<Fingerprint, RunError> {
    let mut lines = String::new();
    for file in source_files(source, project)? {
        let digest = digests.of(&file)?;
        lines.push_str(&digest);
        lines.push('\n');
    }
    Ok(Fingerprint::of(lines.as_bytes()))
}

/// Where a file lies says nothing about what is in it.
fn without_path(source: &Source) -> Source {
    let mut source = source.clone();
    source.connector.args.insert("path".to_owned(), Value::Null);
    source
}

/// Bounds of gates judge a training, they do not change it; the columns of slices are computed by it.
fn without_bounds(train: &Train) -> Train {
    let columns: BTreeSet<&String> = train.gates.iter().filter_map(|gate| gate.by.as_ref()).collect();
    let gates = columns.into_iter().map(|column| Gate {
        part: Part::Test,
        metric: Call::default(),
        per: None,
        comparison: Comparison::GreaterOrEqual,
        bound: Bound::Number(0.0),
        by: Some(column.clone()),
        min_rows: 0,
        line: 0,
    });
    Train { gates: gates.collect(), ..train.clone() }
}

/// The group that a join reads.
pub(crate) fn group_of<'a>(plan: &'a Plan, join: &Node) -> Option<&'a Features> {
    join.inputs.iter().find_map(|input| match &plan.node(input)?.operation {
        Operation::Features(features) => Some(features),
        _ => None,
    })
}

/// The group with only what a join uses of it: another feature's change does not reach it.
pub(crate) fn used(features: &Features, join: &Join) -> Features {
    let names = features.needed(join.features.iter().map(String::as_str));
    Features {
        aggregates: features.aggregates.iter().filter(|each| names.contains(each.name.as_str())).cloned().collect(),
        derived: features.derived.iter().filter(|each| names.contains(each.name.as_str())).cloned().collect(),
        ..features.clone()
    }
}
