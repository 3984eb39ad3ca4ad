//! What a change of a program means: which columns and nodes differ, and what has to be done again or breaks.

use std::collections::{BTreeMap, BTreeSet};

use mlsys_plan::{
    Deployment, Features, Join, ModelInput, Node, NodeId, Observe, Operation, Plan, Source, Train, fingerprint,
};

/// What follows from a change, from the mildest to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Nothing is computed again.
    None,
    /// Gates and tests are judged again; the model stays.
    Judge,
    /// Values are computed again, for the past as well.
    Recompute,
    /// A model is trained again.
    Retrain,
    /// The serving side is configured again.
    Redeploy,
    /// Callers of a deployment have to change.
    Breaking,
}

impl Effect {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Effect::None => "nothing to do",
            Effect::Judge => "judge again",
            Effect::Recompute => "recompute",
            Effect::Retrain => "retrain",
            Effect::Redeploy => "redeploy",
            Effect::Breaking => "breaking",
        }
    }
}

/// A change of one node.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The node.
    pub node: NodeId,
    /// What is different, one line each: `+ column x: int64`, `- feature y`, `~ label late`, or the reason why an unchanged
    /// node is touched.
    pub details: Vec<String>,
    /// What follows.
    pub effect: Effect,
}

/// The changes that make one plan out of another, in the new plan's order; removed nodes come last.
pub fn diff(old: &Plan, new: &Plan) -> Vec<Change> {
    let before: BTreeMap<&NodeId, &Node> = old.nodes.iter().map(|node| (&node.id, node)).collect();
    let mut touched: BTreeMap<&NodeId, Effect> = BTreeMap::new();
    let mut changes = Vec::new();
    for node in &new.nodes {
        let own = match before.get(&node.id) {
            None => Some((vec![format!("+ {}", node.origin.name)], added(&node.operation))),
            Some(earlier) if same(&earlier.operation, &node.operation) => None,
            Some(earlier) => Some(changed(&earlier.operation, &node.operation)),
        };
        let followed = own.is_none().then(|| follows(node, &touched)).flatten();
        if let Some((details, effect)) = own.or(followed) {
            touched.insert(&node.id, effect);
            changes.push(Change { node: node.id.clone(), details, effect });
        }
    }
    let kept: BTreeSet<&NodeId> = new.nodes.iter().map(|node| &node.id).collect();
    for node in old.nodes.iter().filter(|node| !kept.contains(&node.id)) {
        let effect = if matches!(node.operation, Operation::Deployment(_)) { Effect::Breaking } else { Effect::None };
        let details = vec![format!("- {}", node.origin.name)];
        changes.push(Change { node: node.id.clone(), details, effect });
    }
    changes
}

/// Whether two operations mean the same, wherever their lines stand.
fn same(old: &Operation, new: &Operation) -> bool {
    match (fingerprint(old, &[]), fingerprint(new, &[])) {
        (Ok(old), Ok(new)) => old == new,
        _ => old == new,
    }
}

fn added(operation: &Operation) -> Effect {
    match operation {
        Operation::Source(_) | Operation::Features(_) | Operation::Observe(_) | Operation::Join(_) => Effect::Recompute,
        Operation::Train(_) => Effect::Retrain,
        Operation::Deployment(_) | Operation::Monitor(_) => Effect::Redeploy,
    }
}

/// What a node does because of what it reads.
fn follows(node: &Node, touched: &BTreeMap<&NodeId, Effect>) -> Option<(Vec<String>, Effect)> {
    let reason =
        node.inputs.iter().find(|input| touched.get(input).is_some_and(|effect| *effect >= Effect::Recompute))?;
    let effect = match &node.operation {
        Operation::Source(_) => Effect::None,
        Operation::Features(_) | Operation::Observe(_) | Operation::Join(_) => Effect::Recompute,
        Operation::Train(_) => Effect::Retrain,
        Operation::Deployment(_) => Effect::Redeploy,
        Operation::Monitor(_) => Effect::None,
    };
    (effect != Effect::None).then(|| (vec![format!("reads `{reason}`")], effect))
}

fn changed(old: &Operation, new: &Operation) -> (Vec<String>, Effect) {
    match (old, new) {
        (Operation::Source(old), Operation::Source(new)) => source(old, new),
        (Operation::Features(old), Operation::Features(new)) => features(old, new),
        (Operation::Observe(old), Operation::Observe(new)) => (observe(old, new), Effect::Recompute),
        (Operation::Join(old), Operation::Join(new)) => (join(old, new), Effect::Recompute),
        (Operation::Train(old), Operation::Train(new)) => train(old, new),
        (Operation::Deployment(old), Operation::Deployment(new)) => deployment(old, new),
        _ => (vec!["~ other conditions or actions".to_owned()], Effect::Redeploy),
    }
}

/// Named things of both sides as `+`, `-` and `~` lines.
fn named(what: &str, old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, meaning) in new {
        match old.get(name) {
            None => lines.push(format!("+ {what} {name}: {meaning}")),
            Some(before) if before != meaning => lines.push(format!("~ {what} {name}: {before} -> {meaning}")),
            Some(_) => {}
        }
    }
    lines.extend(old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("- {what} {name}")));
    lines
}

fn source(old: &Source, new: &Source) -> (Vec<String>, Effect) {
    let columns = |source: &Source| {
        source.schema.iter().map(|field| (field.name.clone(), field.ty.to_string())).collect::<BTreeMap<_, _>>()
    };
    let derived = |source: &Source| {
        source.derived.iter().map(|each| (each.name.clone(), each.expr.to_string())).collect::<BTreeMap<_, _>>()
    };
    let known = |source: &Source| {
        source.known_at.iter().map(|each| (each.column.clone(), each.at.to_string())).collect::<BTreeMap<_, _>>()
    };
    let mut lines = named("column", &columns(old), &columns(new));
    lines.extend(named("derived", &derived(old), &derived(new)));
    lines.extend(named("known at", &known(old), &known(new)));
    if old.connector != new.connector {
        lines.push(format!("~ from {} -> {}", old.connector, new.connector));
    }
    if (&old.time, &old.key) != (&new.time, &new.key) {
        lines.push("~ time or key".to_owned());
    }
    let values = !lines.is_empty();
    if old.expectations != new.expectations || old.checks != new.checks {
        lines.push("~ expectations".to_owned());
    }
    let rows = values || old.expectations != new.expectations;
    if old.stream != new.stream || old.lateness != new.lateness {
        lines.push("~ stream".to_owned());
    }
    (lines, if rows { Effect::Recompute } else { Effect::None })
}

fn features(old: &Features, new: &Features) -> (Vec<String>, Effect) {
    let meanings = |group: &Features| {
        let aggregates = group.aggregates.iter().filter(|each| each.is_feature()).map(|each| {
            let filter = each.filter.as_ref().map(|filter| format!(" where {filter}")).unwrap_or_default();
            let argument = each.argument.as_ref().map(ToString::to_string).unwrap_or_default();
            (each.name.clone(), format!("{}({argument}){filter} over {}", each.function, each.window))
        });
        let derived = group.derived.iter().map(|each| (each.name.clone(), each.expr.to_string()));
        aggregates.chain(derived).collect::<BTreeMap<_, _>>()
    };
    let mut lines = named("feature", &meanings(old), &meanings(new));
    if (&old.filter, &old.at, &old.keys, &old.source) != (&new.filter, &new.at, &new.keys, &new.source) {
        lines.push("~ rows that are seen: all features of the group".to_owned());
    }
    if old.refresh != new.refresh {
        lines.push("~ refresh".to_owned());
    }
    let only_refresh = lines == ["~ refresh"];
    (lines, if only_refresh { Effect::Redeploy } else { Effect::Recompute })
}

fn observe(old: &Observe, new: &Observe) -> Vec<String> {
    let inputs = |observe: &Observe| {
        observe.inputs.iter().map(|each| (each.name.clone(), each.expr.to_string())).collect::<BTreeMap<_, _>>()
    };
    let label = |observe: &Observe| observe.label.as_ref().map(|label| label.expr.to_string());
    let mut lines = named("input", &inputs(old), &inputs(new));
    if label(old) != label(new) {
        lines.push(format!("~ label {}", label(new).unwrap_or_else(|| "removed".to_owned())));
    }
    if (&old.filter, &old.at, &old.every, &old.feature_filter)
        != (&new.filter, &new.at, &new.every, &new.feature_filter)
    {
        lines.push("~ which examples there are".to_owned());
    }
    if old.split != new.split {
        lines.push("~ split".to_owned());
    }
    if lines.is_empty() {
        lines.push("~ keys or slices".to_owned());
    }
    lines
}

fn join(old: &Join, new: &Join) -> Vec<String> {
    let features =
        |join: &Join| join.features.iter().map(|each| (each.clone(), String::new())).collect::<BTreeMap<_, _>>();
    let mut lines: Vec<String> = named("feature", &features(old), &features(new))
        .into_iter()
        .map(|line| line.trim_end_matches(": ").to_owned())
        .collect();
    if old.keys != new.keys {
        lines.push("~ keys".to_owned());
    }
    if lines.is_empty() {
        lines.push("~ order of features".to_owned());
    }
    lines
}

fn train(old: &Train, new: &Train) -> (Vec<String>, Effect) {
    let inputs = |train: &Train| {
        let text = |each: &ModelInput| match &each.encoder {
            Some(encoder) => format!("{} with {encoder}", each.ty),
            None => each.ty.to_string(),
        };
        train.inputs.iter().map(|each| (each.name.clone(), text(each))).collect::<BTreeMap<_, _>>()
    };
    let mut lines = named("input", &inputs(old), &inputs(new));
    if old.learner != new.learner {
        lines.push(format!("~ learn {} -> {}", old.learner, new.learner));
    }
    if old.training != new.training {
        lines.push("~ how it is trained".to_owned());
    }
    if old.impute != new.impute {
        lines.push("~ impute".to_owned());
    }
    if old.tune != new.tune {
        lines.push("~ tune".to_owned());
    }
    if old.calibrate != new.calibrate {
        lines.push("~ calibrate".to_owned());
    }
    if (old.task, &old.label) != (new.task, &new.label) {
        lines.push("~ what is predicted".to_owned());
    }
    let retrain = !lines.is_empty();
    if old.gates != new.gates {
        let gates = |train: &Train| {
            train.gates.iter().map(|gate| (gate.to_string(), String::new())).collect::<BTreeMap<_, _>>()
        };
        let gates = named("require", &gates(old), &gates(new));
        lines.extend(gates.into_iter().map(|line| line.trim_end_matches(": ").to_owned()));
    }
    lines.extend(behaviours(old, new));
    if lines.is_empty() && old.inputs != new.inputs {
        lines.push("~ order of inputs".to_owned());
        return (lines, Effect::Retrain);
    }
    if lines.is_empty() {
        lines.push("~ order of gates or tests".to_owned());
    }
    (lines, if retrain { Effect::Retrain } else { Effect::Judge })
}

/// What tests of a model expect, by test.
fn behaviours(old: &Train, new: &Train) -> Vec<String> {
    let expected = |train: &Train| {
        let mut tests: BTreeMap<String, String> = BTreeMap::new();
        for behaviour in &train.behaviours {
            let test = tests.entry(format!("{:?}", behaviour.test)).or_default();
            let comma = if test.is_empty() { "" } else { ", " };
            *test += &format!("{comma}{behaviour}");
        }
        tests
    };
    named("test", &expected(old), &expected(new))
}

/// Callers break if a request needs more, or something of another type; they do not if it needs less.
fn deployment(old: &Deployment, new: &Deployment) -> (Vec<String>, Effect) {
    let request = |each: &Deployment| {
        each.request.iter().map(|field| (field.name.clone(), field.ty.to_string())).collect::<BTreeMap<_, _>>()
    };
    let (before, after) = (request(old), request(new));
    let mut lines = named("request column", &before, &after);
    let mut breaking = after.iter().any(|(name, ty)| before.get(name).is_none_or(|earlier| earlier != ty));
    for endpoint in old.endpoints.iter().filter(|endpoint| !new.endpoints.contains(endpoint)) {
        lines.push(format!("- serve {}", endpoint.transport));
        breaking = true;
    }
    if old.stages != new.stages {
        lines.push("~ model".to_owned());
    }
    if old.auth != new.auth {
        lines.push("~ auth".to_owned());
        breaking |= new.auth.is_some();
    }
    if lines.is_empty() {
        lines.push("~ limits, rollout or log".to_owned());
    }
    (lines, if breaking { Effect::Breaking } else { Effect::Redeploy })
}
