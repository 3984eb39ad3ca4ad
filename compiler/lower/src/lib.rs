//! Typed program to plan, and the checks on its graph.
//!
//! Sema has made the nodes; this room numbers their lines, connects them, and puts them into an order that depends on
//! the program alone. It is called on programs without errors.

mod diff;
mod drawing;
mod graph;
mod lineage;
mod lines;

use std::collections::{BTreeMap, BTreeSet};

use mlsys_diagnostics::{Diagnostic, Files, Label, Place, Severity, Span};
use mlsys_plan::{Behaviour, Deployment, Field, Node, NodeId, Operation, Origin, Plan, Rollout, TestCase, VERSION};
use mlsys_sema::{
    Db, Item, Project, TestDef, deployment_of, features_of, items, model_of, monitor_of, source_of, test_of,
};
use mlsys_syntax::Kind;

use lines::Lines;

pub use diff::{Change, Effect, diff};
pub use drawing::{Drawing, Format};
pub use lineage::{Column, Lineage};

/// The plan of a program of that name.
///
/// # Errors
/// The declarations need each other in a circle; the diagnostics show the way around.
pub fn lower(db: &dyn Db, project: Project, files: &Files, program: &str) -> Result<Plan, Vec<Diagnostic>> {
    let mut nodes: Vec<Lowered> = Vec::new();
    for file in project.files(db) {
        for item in items(db, *file) {
            let lines = Lines::of(db, *item, files);
            nodes.extend(declared(db, project, *item, &lines));
        }
    }
    let schemas: BTreeMap<String, Vec<Field>> = nodes
        .iter()
        .filter_map(|lowered| match &lowered.node.operation {
            Operation::Source(source) => Some((source.name.clone(), source.schema.clone())),
            _ => None,
        })
        .collect();
    for lowered in &mut nodes {
        lines::number_requests(&mut lowered.node.operation, &schemas);
    }
    let known: BTreeSet<NodeId> = nodes.iter().map(|lowered| lowered.node.id.clone()).collect();
    nodes.iter_mut().for_each(|lowered| add_lookups(&mut lowered.node, &known));
    let mut behaviours = behaviours(db, project, files);
    for lowered in &mut nodes {
        if let Operation::Train(train) = &mut lowered.node.operation {
            train.behaviours = behaviours.remove(&train.model).unwrap_or_default();
        }
    }
    let nodes = graph::in_order(nodes)?;
    Ok(Plan { version: VERSION, program: program.to_owned(), nodes })
}

/// Declarations of a program without errors that the plan does not hold: there are none, unless the compiler is wrong.
pub fn lost(db: &dyn Db, project: Project, plan: &Plan) -> Vec<Diagnostic> {
    let mut lost = Vec::new();
    let known: BTreeSet<&NodeId> = plan.nodes.iter().map(|node| &node.id).collect();
    for item in project.files(db).iter().flat_map(|file| items(db, *file)) {
        let word = match item.kind(db) {
            Some(Kind::Source) => "source",
            Some(Kind::Features) => "features",
            Some(Kind::Model) => "train",
            Some(Kind::Deployment) => "deployment",
            Some(Kind::Monitor) => "monitor",
            _ => continue,
        };
        if !known.contains(&NodeId::new(word, item.name(db))) {
            let place = Place {
                file: item.file(db).id(db),
                span: Span::new(item.offset(db) as usize, item.offset(db) as usize),
            };
            lost.push(Diagnostic {
                code: "E0999",
                severity: Severity::Error,
                message: format!(
                    "`{}` was checked and not compiled, which is a mistake of the compiler",
                    item.name(db)
                ),
                labels: vec![Label { place, text: "lost".to_owned() }],
                help: Some("please report it with this program".to_owned()),
                fix: None,
            });
        }
    }
    lost
}

/// What a node looks up is read by it.
fn add_lookups(node: &mut Node, known: &BTreeSet<NodeId>) {
    for table in node.operation.lookups() {
        let candidates = [NodeId::new("source", table), NodeId::new("features", table)];
        let found = candidates.into_iter().find(|id| known.contains(id));
        node.inputs.extend(found.filter(|id| !node.inputs.contains(id)));
    }
}

/// What the tests of models expect, by model, in declared order.
fn behaviours(db: &dyn Db, project: Project, files: &Files) -> BTreeMap<String, Vec<Behaviour>> {
    let mut found: BTreeMap<String, Vec<Behaviour>> = BTreeMap::new();
    for item in tests_of(db, project) {
        let Some(TestDef::Model(test)) = &test_of(db, project, item).value else { continue };
        let lines = Lines::of(db, item, files);
        for mut behaviour in test.behaviours.clone() {
            lines.file().clone_into(&mut behaviour.origin.file);
            lines.number(&mut behaviour.origin.line);
            found.entry(test.model.clone()).or_default().push(behaviour);
        }
    }
    found
}

fn tests_of(db: &dyn Db, project: Project) -> impl Iterator<Item = Item<'_>> {
    let all = project.files(db).iter().flat_map(move |file| items(db, *file)).copied();
    all.filter(move |item| item.kind(db) == Some(Kind::Test))
}

/// The tests of definitions, in declared order; those of models are in the plan. Called on programs without errors.
pub fn tests(db: &dyn Db, project: Project, files: &Files) -> Vec<TestCase> {
    let mut cases = Vec::new();
    for item in tests_of(db, project) {
        let Some(TestDef::Case(mut case)) = test_of(db, project, item).value.clone() else { continue };
        let lines = Lines::of(db, item, files);
        lines.file().clone_into(&mut case.origin.file);
        lines.number(&mut case.origin.line);
        case.features.iter_mut().for_each(|expected| lines.number(&mut expected.line));
        case.conditions.iter_mut().for_each(|(_, line)| lines.number(line));
        cases.push(case);
    }
    cases
}

/// A node and the place to show if it stands in a circle.
pub(crate) struct Lowered {
    pub(crate) node: Node,
    pub(crate) place: mlsys_diagnostics::Place,
}

fn declared(db: &dyn Db, project: Project, item: Item<'_>, lines: &Lines<'_>) -> Vec<Lowered> {
    let operations: Vec<(NodeId, Vec<NodeId>, Operation)> = match item.kind(db) {
        Some(Kind::Source) => source_node(db, project, item, lines).into_iter().collect(),
        Some(Kind::Features) => features_node(db, project, item, lines).into_iter().collect(),
        Some(Kind::Model) => model_nodes(db, project, item, lines),
        Some(Kind::Deployment) => deployment_node(db, project, item).into_iter().collect(),
        Some(Kind::Monitor) => monitor_node(db, project, item, lines).into_iter().collect(),
        _ => Vec::new(),
    };
    let keyword = item.kind(db).map_or("", Kind::keyword);
    let origin =
        Origin { file: lines.file().to_owned(), line: lines.head(), name: format!("{keyword} {}", item.name(db)) };
    operations
        .into_iter()
        .map(|(id, inputs, operation)| Lowered {
            node: Node { id, origin: origin.clone(), inputs, operation },
            place: lines.head_place(),
        })
        .collect()
}

type Operations = (NodeId, Vec<NodeId>, Operation);

fn source_node(db: &dyn Db, project: Project, item: Item<'_>, lines: &Lines<'_>) -> Option<Operations> {
    let mut source = source_of(db, project, item).value.as_ref()?.node.clone()?;
    source.schema.iter_mut().for_each(|field| lines.number(&mut field.line));
    source.expectations.iter_mut().for_each(|expectation| lines.number(&mut expectation.line));
    source.checks.iter_mut().for_each(|check| lines.number(&mut check.line));
    Some((NodeId::new("source", &source.name), Vec::new(), Operation::Source(source)))
}

fn features_node(db: &dyn Db, project: Project, item: Item<'_>, lines: &Lines<'_>) -> Option<Operations> {
    let mut features = features_of(db, project, item).value.as_ref()?.node.clone()?;
    features.aggregates.iter_mut().for_each(|aggregate| lines.number(&mut aggregate.line));
    let inputs = vec![NodeId::new("source", &features.source)];
    Some((NodeId::new("features", &features.name), inputs, Operation::Features(features)))
}

/// A model is three kinds of work: its examples, a join for each group, the training.
fn model_nodes(db: &dyn Db, project: Project, item: Item<'_>, lines: &Lines<'_>) -> Vec<Operations> {
    let Some(definition) = model_of(db, project, item).value.as_ref() else { return Vec::new() };
    let Some(nodes) = definition.nodes.clone() else { return Vec::new() };
    let name = &definition.name;
    let observe = NodeId::new("observe", name);
    let source = NodeId::new("source", &nodes.observe.source);
    let mut read = vec![source];
    for look in nodes.observe.label.iter().flat_map(|label| &label.looks) {
        let id = NodeId::new("source", &look.source);
        if !read.contains(&id) {
            read.push(id);
        }
    }
    let mut operations = vec![(observe.clone(), read, Operation::Observe(nodes.observe))];
    let mut examples = vec![observe.clone()];
    for join in nodes.joins {
        let id = NodeId::new("join", &format!("{name}.{}", join.alias.as_ref().unwrap_or(&join.group)));
        examples.push(id.clone());
        let group = NodeId::new("features", &join.group);
        operations.push((id, vec![observe.clone(), group], Operation::Join(join)));
    }
    let mut train = nodes.train;
    train.gates.iter_mut().for_each(|gate| lines.number(&mut gate.line));
    operations.push((NodeId::new("train", name), examples, Operation::Train(train)));
    operations
}

fn deployment_node(db: &dyn Db, project: Project, item: Item<'_>) -> Option<Operations> {
    let deployment = deployment_of(db, project, item).value.as_ref()?.node.clone()?;
    let mut inputs: Vec<NodeId> = deployment.stages.iter().map(|stage| NodeId::new("train", &stage.model)).collect();
    for model in variants(&deployment) {
        let id = NodeId::new("train", model);
        if !inputs.contains(&id) {
            inputs.push(id);
        }
    }
    let scored = deployment.scoring.iter().filter_map(|scoring| scoring.source.as_ref());
    inputs.extend(scored.map(|source| NodeId::new("source", source)).collect::<BTreeSet<_>>());
    Some((NodeId::new("deployment", &deployment.name), inputs, Operation::Deployment(deployment)))
}

/// The models of the versions that share requests.
fn variants(deployment: &Deployment) -> Vec<&str> {
    match &deployment.rollout {
        Some(Rollout::Shadow(variant)) => vec![&variant.model],
        Some(Rollout::Ab(ab)) => ab.arms.iter().map(|(variant, _)| variant.model.as_str()).collect(),
        Some(Rollout::Bandit(bandit)) => bandit.arms.iter().map(|variant| variant.model.as_str()).collect(),
        Some(Rollout::Canary(_) | Rollout::BlueGreen(_)) | None => Vec::new(),
    }
}

fn monitor_node(db: &dyn Db, project: Project, item: Item<'_>, lines: &Lines<'_>) -> Option<Operations> {
    let mut monitor = monitor_of(db, project, item).value.clone()?;
    monitor.rules.iter_mut().for_each(|rule| lines.number(&mut rule.line));
    let mut inputs = vec![NodeId::new("deployment", &monitor.deployment)];
    inputs.extend(monitor.outcome.iter().map(|outcome| NodeId::new("source", &outcome.source)));
    Some((NodeId::new("monitor", &monitor.name), inputs, Operation::Monitor(monitor)))
}
