//! Monitors: what is watched about a deployment, and what follows.

use std::collections::BTreeMap;

use mlsys_diagnostics::nearest;
use mlsys_plan::{Call, Monitor, MonitorRule, Outcome, Value};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::condition::{Condition, Measurable};
use crate::db::{Checked, Db, Item, Project};
use crate::deployment::{DeploymentDef, deployment_of, positive};
use crate::library::{SlotType, names, overloads};
use crate::refer::refer;
use crate::report::Reports;
use crate::scope::listed;
use crate::source::{SourceDef, missing, only_one, source_of};

/// What a monitor may measure.
const KINDS: [&str; 5] = ["metric", "signal", "drift", "detector", "silence"];

/// The most windows in a row that a condition may wait for.
const MOST_WINDOWS: i64 = 1_000;

/// The meaning of a `monitor` declaration.
#[salsa::tracked(returns(ref))]
pub fn monitor_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<Monitor> {
    let Some(ast::Item::Monitor(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let constants = Constants { db, project, file: item.file(db), item };
    let value = define(&constants, tree, &mut reports).filter(|_| !reports.has_errors());
    Checked { value, reports: reports.into_vec() }
}

fn define(constants: &Constants<'_>, tree: &ast::Monitor, reports: &mut Reports) -> Option<Monitor> {
    let watched = only_one(&tree.watch, |name| name.span, "watch", reports)
        .or_else(|| missing(&tree.name, "watch", "`watch DEPLOYMENT`", reports))?;
    let item = refer(constants, watched, Kind::Deployment, reports)?;
    let deployment: &DeploymentDef = deployment_of(constants.db, constants.project, item).value.as_ref()?;
    if tree.when.is_empty() {
        missing::<()>(&tree.name, "when", "`when p99 > 50ms over 5m then notify webhook(env(\"ALERT_URL\"))`", reports);
    }
    let observed = deployment.source.find(constants.db, constants.project);
    let observed = observed.and_then(|item| source_of(constants.db, constants.project, item).value.as_ref());
    let outcome = outcome(constants, tree, deployment, observed, reports);
    let measurable = Measurable {
        constants: *constants,
        kinds: &KINDS,
        inputs: &deployment.inputs,
        complete: deployment.complete,
        types: &deployment.types,
        task: deployment.task,
    };
    let mut rules = Vec::new();
    for when in &tree.when {
        rules.extend(rules_of(&measurable, when, reports));
    }
    Some(Monitor { name: tree.name.text.clone(), deployment: watched.text.clone(), outcome, rules })
}

/// The rules of a `when`: one for each alternative of `a or b`.
fn rules_of(measurable: &Measurable<'_, '_>, when: &ast::When, reports: &mut Reports) -> Vec<MonitorRule> {
    // A call takes the window that follows it for its own: here it is the rule's.
    let mut condition = when.condition.clone();
    let mut over = when.over;
    if let ast::ExprKind::Call(call) = &mut condition.kind
        && let Some(tail) = call.tail.take()
        && let ast::Windows::One(window) = tail.window
    {
        over = over.or(Some(window));
    }
    let conditions = measurable.any_of(&condition, reports);
    if let Some(found) = conditions.iter().flatten().find(|found| found.needs_window && over.is_none()) {
        let message = format!("`{}` is measured over a window, and none is named", found.metric);
        reports
            .error("E0804", condition.span, message, "over how long?")
            .help("say how much of the past is looked at: `over 7d`");
    }
    let action = action(&measurable.constants, when, reports);
    let windows = when.windows.map(|windows| {
        let count = u32::try_from(windows.value).ok().filter(|_| (1..=MOST_WINDOWS).contains(&windows.value));
        if count.is_none() {
            let message = format!("a condition waits for 1 to {MOST_WINDOWS} windows, this is {}", windows.value);
            reports.error("E0314", windows.span, message, "outside of its bounds").help("name a number of windows");
        } else if over.is_none() {
            reports
                .error("E0801", windows.span, "`for … windows` counts windows, and there is none", "which windows?")
                .help("say how long a window is: `over 1h for 3 windows`");
        }
        count
    });
    let over = over.and_then(|over| positive(over, reports));
    let Some(action) = action else { return Vec::new() };
    let rule = |condition: Condition| MonitorRule {
        condition: condition.into_plan(),
        over,
        windows: windows.flatten(),
        action: action.clone(),
        line: when.span.start,
    };
    conditions.into_iter().flatten().map(rule).collect()
}

/// `outcome chargebacks`: its rows must say to which observation a label belongs, and what it is.
fn outcome(
    constants: &Constants<'_>,
    tree: &ast::Monitor,
    deployment: &DeploymentDef,
    observed: Option<&SourceDef>,
    reports: &mut Reports,
) -> Option<Outcome> {
    let written = only_one(&tree.outcome, |outcome| outcome.source.span, "outcome", reports)?;
    let item = refer(constants, &written.source, Kind::Source, reports)?;
    let source = source_of(constants.db, constants.project, item).value.as_ref()?;
    let key = observed.map(|observed| observed.key.clone()).unwrap_or_default();
    if let (Some(observed), true) = (observed, key.is_empty()) {
        let message = format!("the source `{}` has no `key` to which a label could belong", observed.name);
        reports
            .error("E0803", written.source.span, message, "belongs to which row?")
            .also(&observed.item, observed.name_span, "has no `key`")
            .help("give the observed source a `key`");
        return None;
    }
    let of_observed = |name: &&String| observed.is_some_and(|observed| observed.column(name).is_some());
    let needed = key.iter().chain(deployment.label_reads.iter().filter(of_observed));
    for column in needed {
        if source.column(column).is_none() && source.intact {
            let message = format!("`{}` has no column `{column}`, which the label needs", source.name);
            reports
                .error("E0803", written.source.span, message, format!("has no column `{column}`"))
                .help("an outcome has the observed source's key and the columns of which the label is made");
            return None;
        }
    }
    let filter = match &written.filter {
        Some(filter) => {
            let outside = Constants { item, ..*constants };
            Some(source.scope(&outside).predicate(filter, reports)?)
        }
        None => None,
    };
    Some(Outcome { source: source.name.clone(), filter })
}

fn action(constants: &Constants<'_>, when: &ast::When, reports: &mut Reports) -> Option<Call> {
    let name = &when.action;
    let Some(signature) = overloads(constants.db, constants.project, "action", &name.text).first() else {
        let known = names(constants.db, constants.project, "action");
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        reports
            .error("E0801", name.span, format!("there is no action `{}`", name.text), "unknown")
            .help(format!("there is {}", listed(&known)))
            .did_you_mean(nearest(&name.text, known));
        return None;
    };
    let parameter = signature.parameters.first()?;
    let SlotType::Kind { kind, .. } = &parameter.ty else { return None };
    let declared =
        [("model", Kind::Model), ("deployment", Kind::Deployment)].into_iter().find(|(word, _)| word == kind);
    let value = match (declared, when.target.as_name()) {
        (Some((_, kind)), Some(target)) => {
            let target = ast::Name { text: target.to_owned(), span: when.target.span };
            refer(constants, &target, kind, reports)?;
            Value::String(target.text)
        }
        (Some((word, _)), None) => {
            let message = format!("`{}` is done to a {word}", name.text);
            reports
                .error("E0801", when.target.span, message, format!("not a {word}"))
                .help(format!("name the {word}: `then {} NAME`", name.text));
            return None;
        }
        (None, _) => Value::Call(constants.nested(kind, &when.target, reports)?),
    };
    Some(Call { name: name.text.clone(), args: BTreeMap::from([(parameter.name.clone(), value)]) })
}
