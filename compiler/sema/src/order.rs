//! Dependency order among definitions of one declaration, and the cycles that prevent it.

use std::collections::BTreeMap;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

/// Indices of the definitions, each after those it reads, otherwise in written order; or the names along a cycle.
///
/// `reads[i]` lists the names that definition `i` reads; names that are no definition are passed over.
pub(crate) fn dependency_order(names: &[&str], reads: &[Vec<String>]) -> Result<Vec<usize>, Vec<usize>> {
    let index: BTreeMap<&str, usize> = names.iter().enumerate().rev().map(|(index, name)| (*name, index)).collect();
    let edges: Vec<Vec<usize>> =
        reads.iter().map(|reads| reads.iter().filter_map(|name| index.get(name.as_str()).copied()).collect()).collect();
    if let Some(cycle) = find_cycle(&edges) {
        return Err(cycle);
    }
    let mut order = Vec::new();
    let mut placed = vec![false; names.len()];
    while order.len() < names.len() {
        let next = (0..names.len()).find(|&each| !placed[each] && edges[each].iter().all(|&needed| placed[needed]));
        // Without a cycle there is always a next one.
        let Some(next) = next else { break };
        placed[next] = true;
        order.push(next);
    }
    Ok(order)
}

/// A cycle as a closed walk without its last step: each reads the next, the last reads the first.
fn find_cycle(edges: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut graph = DiGraph::<(), ()>::new();
    let nodes: Vec<NodeIndex> = edges.iter().map(|_| graph.add_node(())).collect();
    for (from, targets) in edges.iter().enumerate() {
        for &to in targets {
            graph.add_edge(nodes[from], nodes[to], ());
        }
    }
    let mut members: Vec<usize> = tarjan_scc(&graph)
        .into_iter()
        .map(|component| component.into_iter().map(NodeIndex::index).collect::<Vec<_>>())
        .find(|component| component.len() > 1 || component.iter().any(|&only| edges[only].contains(&only)))?;
    members.sort_unstable();
    // Inside a strongly connected component every walk stays on a cycle: follow it until it meets itself.
    let mut walk = vec![*members.first()?];
    loop {
        let here = *walk.last()?;
        let next = edges[here].iter().copied().find(|next| members.contains(next))?;
        if let Some(start) = walk.iter().position(|&seen| seen == next) {
            return Some(walk.split_off(start));
        }
        walk.push(next);
    }
}
