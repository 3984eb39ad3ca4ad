//! A `score` clause with everything in the plan that it stands on.

use std::collections::BTreeSet;

use mlsys_plan::{Deployment, Join, Node, NodeId, Observe, Operation, Plan, Scoring, Source, Train};

use super::sinks::is_executed;
use crate::error::RunError;

/// A clause that a run executes.
pub(crate) struct Clause<'a> {
    pub(crate) deployment: &'a Deployment,
    pub(crate) scoring: &'a Scoring,
    /// Its name among those of the deployment.
    pub(crate) name: String,
    pub(crate) train: &'a Train,
    /// The node of the model's examples, and what they are.
    pub(crate) observe: (&'a Node, &'a Observe),
    /// The model's joins.
    pub(crate) joins: Vec<(&'a Node, &'a Join)>,
    /// Whose rows are scored.
    pub(crate) source: &'a Source,
}

/// The clauses of a deployment that a run executes.
///
/// # Errors
/// The plan lacks a node that one of them names.
pub(crate) fn clauses<'a>(plan: &'a Plan, deployment: &'a Deployment) -> Result<Vec<Clause<'a>>, RunError> {
    let mut found: Vec<Clause<'a>> = Vec::new();
    for scoring in deployment.scoring.iter().filter(|scoring| is_executed(deployment, scoring)) {
        let mut clause = clause(plan, deployment, scoring)?;
        let same = found.iter().filter(|known| known.source.name == clause.source.name).count();
        if same > 0 {
            clause.name = format!("{}-{}", clause.name, same + 1);
        }
        found.push(clause);
    }
    Ok(found)
}

fn clause<'a>(plan: &'a Plan, deployment: &'a Deployment, scoring: &'a Scoring) -> Result<Clause<'a>, RunError> {
    let lacks = |what: &str| RunError::internal(format!("the plan has no {what} of `{}`", deployment.name));
    let model = deployment.model();
    let train = plan.node(&NodeId::new("train", model)).ok_or_else(|| lacks("training"))?;
    let Operation::Train(trained) = &train.operation else { return Err(lacks("training")) };
    let observe = plan.node(&NodeId::new("observe", model)).ok_or_else(|| lacks("examples"))?;
    let Operation::Observe(observed) = &observe.operation else { return Err(lacks("examples")) };
    let joins = train.inputs.iter().filter_map(|input| {
        let node = plan.node(input)?;
        let Operation::Join(join) = &node.operation else { return None };
        Some((node, join))
    });
    let source = scoring.source.as_ref().unwrap_or(&observed.source);
    let found = plan.node(&NodeId::new("source", source)).map(|node| &node.operation);
    let Some(Operation::Source(source)) = found else { return Err(lacks("source")) };
    Ok(Clause {
        deployment,
        scoring,
        name: source.name.clone(),
        train: trained,
        observe: (observe, observed),
        joins: joins.collect(),
        source,
    })
}

/// The sources that clauses read: their own ones, and those of the examples' and the groups' tables.
pub(crate) fn needed<'a>(plan: &'a Plan, clauses: &[Clause<'a>]) -> Vec<&'a NodeId> {
    let mut wanted: BTreeSet<&NodeId> = BTreeSet::new();
    for clause in clauses {
        wanted.extend(clause.joins.iter().map(|(node, _)| &node.id).chain([&clause.observe.0.id]));
        let own = NodeId::new("source", &clause.source.name);
        wanted.extend(plan.node(&own).map(|node| &node.id));
    }
    above(plan, &mut wanted);
    let is_source = |id: &&NodeId| matches!(plan.node(id).map(|node| &node.operation), Some(Operation::Source(_)));
    wanted.into_iter().filter(is_source).collect()
}

/// Adds everything that the nodes read.
pub(super) fn above<'a>(plan: &'a Plan, wanted: &mut BTreeSet<&'a NodeId>) {
    // Every node stands behind its inputs: from the back one pass is enough.
    for node in plan.nodes.iter().rev() {
        if wanted.contains(&node.id) {
            wanted.extend(&node.inputs);
        }
    }
}
