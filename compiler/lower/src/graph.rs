//! The graph of a plan: order and circles.

use std::collections::{BTreeMap, BTreeSet};

use mlsys_diagnostics::{Diagnostic, Label, Severity};
use mlsys_plan::{Node, NodeId};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::Lowered;

/// The nodes, each after its inputs, otherwise as declared.
pub(crate) fn in_order(lowered: Vec<Lowered>) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let mut graph: DiGraph<usize, ()> = DiGraph::new();
    let index: BTreeMap<NodeId, NodeIndex> =
        lowered.iter().enumerate().map(|(at, each)| (each.node.id.clone(), graph.add_node(at))).collect();
    for each in &lowered {
        for input in &each.node.inputs {
            if let (Some(from), Some(to)) = (index.get(input), index.get(&each.node.id)) {
                graph.add_edge(*from, *to, ());
            }
        }
    }
    let circles: Vec<Vec<NodeIndex>> = tarjan_scc(&graph).into_iter().filter(|component| component.len() > 1).collect();
    if !circles.is_empty() {
        return Err(circles.iter().map(|circle| report(circle, &graph, &lowered)).collect());
    }
    Ok(placed(lowered, &index))
}

/// Of the nodes whose inputs are all placed the first declared one is next.
fn placed(lowered: Vec<Lowered>, index: &BTreeMap<NodeId, NodeIndex>) -> Vec<Node> {
    let mut missing: Vec<usize> = Vec::new();
    let mut readers: Vec<Vec<usize>> = vec![Vec::new(); lowered.len()];
    for (at, each) in lowered.iter().enumerate() {
        let inputs: BTreeSet<&NodeId> = each.node.inputs.iter().collect();
        missing.push(inputs.len());
        for input in inputs.into_iter().filter_map(|input| index.get(input)) {
            readers[input.index()].push(at);
        }
    }
    let mut ready: BTreeSet<usize> = (0..lowered.len()).filter(|at| missing[*at] == 0).collect();
    let mut waiting: Vec<Option<Lowered>> = lowered.into_iter().map(Some).collect();
    let mut nodes = Vec::new();
    // Without a circle something is always ready; a node without its input is left out with those that need it.
    while let Some(next) = ready.pop_first() {
        nodes.extend(waiting[next].take().map(|lowered| lowered.node));
        for reader in &readers[next] {
            missing[*reader] -= 1;
            if missing[*reader] == 0 {
                ready.insert(*reader);
            }
        }
    }
    nodes
}

fn report(circle: &[NodeIndex], graph: &DiGraph<usize, ()>, lowered: &[Lowered]) -> Diagnostic {
    let mut members: Vec<&Lowered> = circle.iter().map(|index| &lowered[graph[*index]]).collect();
    members.sort_by_key(|each| each.place);
    let path: Vec<String> = members.iter().map(|each| format!("`{}`", each.node.origin.name)).collect();
    Diagnostic {
        code: "E0701",
        severity: Severity::Error,
        message: format!("these declarations need each other in a circle: {}", path.join(", ")),
        labels: members.iter().map(|each| Label { place: each.place, text: "on the way around".to_owned() }).collect(),
        help: None,
        fix: None,
    }
}
