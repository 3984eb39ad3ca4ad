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
use crate::module::{module_file, without_module_path};

/// Raised whenever the same definition over the same data may give another result than before.
pub(crate) const REVISION: &str = "engine 4";

/// Fingerprints by node.
pub(crate) struct Fingerprints {
    of: BTreeMap<NodeId, Fingerprint>,
    /// The digest of all files of each source.
    data: BTreeMap<NodeId, Fingerprint>,
    /// The digest of each file of each source, in the order in which they are read.
    files: BTreeMap<NodeId, Vec<String>>,
    /// Fingerprints of what nodes do, and of what they read as a whole: without that which they read in parts.
    definitions: BTreeMap<NodeId, Fingerprint>,
}

impl Fingerprints {
    pub(crate) fn new() -> Self {
        Fingerprints {
            of: BTreeMap::new(),
            data: BTreeMap::new(),
            files: BTreeMap::new(),
            definitions: BTreeMap::new(),
        }
    }

    /// What a node does, and what it reads as a whole.
    pub(crate) fn definition(&self, node: &NodeId) -> Result<&Fingerprint, RunError> {
        self.definitions.get(node).ok_or_else(|| RunError::internal(format!("`{node}` has no fingerprint")))
    }

    /// The digests of a source's files, in the order in which they are read.
    pub(crate) fn files(&self, source: &NodeId) -> &[String] {
        self.files.get(source).map_or(&[], Vec::as_slice)
    }

    /// Computes and keeps the fingerprint of a node whose inputs have theirs.
    pub(crate) fn add(
        &mut self,
        node: &Node,
        plan: &Plan,
        project: &Path,
        digests: &mut Digests,
    ) -> Result<Fingerprint, RunError> {
        let revision = Fingerprint::of(REVISION.as_bytes());
        // What is read as a whole, and what may be read in parts.
        let (mut whole, mut in_parts) = (vec![revision], Vec::new());
        let operation = match &node.operation {
            Operation::Source(source) => {
                let files = digests_of(source, project, digests)?;
                let data =
                    Fingerprint::of(files.iter().map(|digest| format!("{digest}\n")).collect::<String>().as_bytes());
                self.data.insert(node.id.clone(), data.clone());
                self.files.insert(node.id.clone(), files);
                in_parts.push(data);
                // The tables that it looks up.
                whole.extend(self.all_of(&node.inputs));
                Operation::Source(without_path(source))
            }
            Operation::Join(join) => {
                let features = group_of(plan, node).ok_or_else(|| RunError::internal("a join without a group"))?;
                // The group's source, and the tables that it looks up.
                let group = plan.node(&NodeId::new("features", &features.name));
                let read = group.map(|group| group.inputs.as_slice()).unwrap_or_default();
                let source = NodeId::new("source", &features.source);
                let (tables, dated) = self.looked_up(plan, read.iter().filter(|input| **input != source));
                whole.extend(tables);
                in_parts.extend(dated);
                // Each feature is kept for as long as its own definition holds.
                in_parts.push(fingerprint(&Operation::Features(used(features, join)), &[])?);
                in_parts.extend(self.all_of([&source]).chain(self.all_of(node.inputs.first())));
                node.operation.clone()
            }
            Operation::Observe(observe) => {
                let source = NodeId::new("source", &observe.source);
                let (tables, dated) = self.looked_up(plan, node.inputs.iter().filter(|input| **input != source));
                whole.extend(tables);
                in_parts.extend(dated);
                in_parts.extend(self.all_of([&source]));
                node.operation.clone()
            }
            Operation::Features(_) => {
                let (tables, dated) = self.looked_up(plan, &node.inputs);
                whole.extend(tables);
                in_parts.extend(dated);
                node.operation.clone()
            }
            Operation::Train(train) => {
                whole.extend(self.all_of(&node.inputs));
                if let Some(file) = module_file(train, project)? {
                    whole.push(Fingerprint::of(digests.of(&file)?.as_bytes()));
                }
                Operation::Train(without_module_path(without_bounds(train)))
            }
            Operation::Deployment(_) | Operation::Monitor(_) => {
                whole.extend(self.all_of(&node.inputs));
                node.operation.clone()
            }
        };
        let definition = fingerprint(&apart_from_features(&operation), &whole.iter().collect::<Vec<_>>())?;
        self.definitions.insert(node.id.clone(), definition.clone());
        let found = fingerprint(&operation, &[definition].iter().chain(&in_parts).collect::<Vec<_>>())?;
        self.of.insert(node.id.clone(), found.clone());
        Ok(found)
    }

    /// What tables that are read beside a node's own rows are, for the node's definition, and what they hold. A table without
    /// times is read as a whole, whatever row asks; of others each part of the node knows which of their parts it sees.
    fn looked_up<'n>(
        &self,
        plan: &Plan,
        nodes: impl IntoIterator<Item = &'n NodeId>,
    ) -> (Vec<Fingerprint>, Vec<Fingerprint>) {
        let (mut definitions, mut held) = (Vec::new(), Vec::new());
        for id in nodes {
            definitions.extend(self.without_rows(plan, id).cloned());
            held.extend(self.of.get(id).cloned());
        }
        (definitions, held)
    }

    /// What a looked-up table is, whatever rows it holds; of one without times with its rows.
    pub(crate) fn without_rows(&self, plan: &Plan, id: &NodeId) -> Option<&Fingerprint> {
        let is_static = |node: &Node| matches!(&node.operation, Operation::Source(source) if source.time.is_none());
        if plan.node(id).is_some_and(is_static) { self.of.get(id) } else { self.definitions.get(id) }
    }

    /// The fingerprints of those of the nodes that have one.
    fn all_of<'n>(&self, nodes: impl IntoIterator<Item = &'n NodeId>) -> impl Iterator<Item = Fingerprint> {
        nodes.into_iter().filter_map(|node| self.of.get(node)).cloned()
    }

    /// The fingerprint of a node, if it has one yet.
    pub(crate) fn of(&self, node: &NodeId) -> Option<&Fingerprint> {
        self.of.get(node)
    }

    /// The fingerprint of the data of a source.
    pub(crate) fn data(&self, source: &NodeId) -> Option<&Fingerprint> {
        self.data.get(source)
    }

    /// The fingerprint of the data of each source, by the source's name.
    pub(crate) fn data_by_source(&self) -> BTreeMap<String, String> {
        let name = |node: &NodeId| node.as_str().trim_start_matches("source.").to_owned();
        self.data.iter().map(|(node, data)| (name(node), data.as_str().to_owned())).collect()
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

fn digests_of(source: &Source, project: &Path, digests: &mut Digests) -> Result<Vec<String>, RunError> {
    let files = source_files(source, project)?;
    files.iter().map(|file| Ok(digests.of(file)?)).collect()
}

/// What of a join does not depend on which features are wanted.
fn apart_from_features(operation: &Operation) -> Operation {
    match operation {
        Operation::Join(join) => Operation::Join(Join { features: Vec::new(), ..join.clone() }),
        other => other.clone(),
    }
}

/// Where a file lies says nothing about what is in it.
fn without_path(source: &Source) -> Source {
    let mut source = source.clone();
    source.connector.args.insert("path".to_owned(), Value::Null);
    source
}

/// Bounds of gates and tests judge a training, they do not change it; the columns of slices are computed by it.
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
    Train { gates: gates.collect(), behaviours: Vec::new(), ..train.clone() }
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
    features.only(join.features.iter().map(String::as_str))
}
