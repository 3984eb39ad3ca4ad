//! What a model's inputs mean, as a fingerprint: rows may be shown to a version only as its examples were made.

use std::collections::BTreeSet;

use mlsys_plan::{
    Call, Fingerprint, Join, Node, NodeId, Observe, Operation, Plan, Source, Split, TimeSplit, fingerprint,
};

use super::clause::above;
use crate::error::RunError;
use crate::fingerprints::{group_of, used};

/// The fingerprint of everything that makes a model's inputs: its observations without label and split, its joins with what
/// they use of groups, the tables that are looked up, and the columns of sources. Where rows come from, what is expected of
/// them and how the model learns is no part of it.
///
/// # Errors
/// A number in a definition is not finite.
pub(crate) fn definition(plan: &Plan, model: &str) -> Result<Fingerprint, RunError> {
    let own = |node: &&Node| match &node.operation {
        Operation::Observe(observe) => observe.model == model,
        Operation::Join(join) => join.model == model,
        _ => false,
    };
    let mut wanted: BTreeSet<&NodeId> = plan.nodes.iter().filter(own).map(|node| &node.id).collect();
    above(plan, &mut wanted);
    let nodes: Vec<&Node> = plan.nodes.iter().filter(|node| wanted.contains(&node.id)).collect();
    let looked_up: BTreeSet<&str> = nodes.iter().flat_map(|node| node.operation.lookups()).collect();
    let mut lines = String::new();
    for node in nodes {
        let inputs = match &node.operation {
            Operation::Join(join) => Some(of_group(plan, node, join)?),
            _ => None,
        };
        let operation = match &node.operation {
            // What joins use of a group stands with them.
            Operation::Features(group) if !looked_up.contains(group.name.as_str()) => continue,
            Operation::Observe(observe) => Operation::Observe(without_label(observe)),
            Operation::Source(source) => Operation::Source(columns_of(source)),
            other => other.clone(),
        };
        let inputs: Vec<&Fingerprint> = inputs.iter().collect();
        lines.push_str(&format!("{}  {}\n", fingerprint(&operation, &inputs)?, node.id));
    }
    Ok(Fingerprint::of(lines.as_bytes()))
}

fn of_group(plan: &Plan, node: &Node, join: &Join) -> Result<Fingerprint, RunError> {
    let group = group_of(plan, node).ok_or_else(|| RunError::internal("a join without a group"))?;
    Ok(fingerprint(&Operation::Features(used(group, join)), &[])?)
}

fn without_label(observe: &Observe) -> Observe {
    let split = TimeSplit { from: None, validate: None, test: 0, until: None };
    Observe { label: None, slices: Vec::new(), split: Split::Time(split), ..observe.clone() }
}

fn columns_of(source: &Source) -> Source {
    Source {
        connector: Call::default(),
        stream: None,
        lateness: None,
        retention: None,
        known_at: Vec::new(),
        expectations: Vec::new(),
        checks: Vec::new(),
        ..source.clone()
    }
}
