//! Monitors: what is watched about a deployment, and what follows.

use std::collections::BTreeMap;

use mlsys_diagnostics::nearest;
use mlsys_plan::{Call, Monitor, MonitorRule, Value};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::condition::Measurable;
use crate::db::{Checked, Db, Item, Project};
use crate::deployment::{DeploymentDef, deployment_of, positive};
use crate::features::refer;
use crate::library::{SlotType, names, overloads};
use crate::report::Reports;
use crate::scope::listed;
use crate::source::{missing, only_one};

/// The meaning of a `monitor` declaration.
#[salsa::tracked(returns(ref))]
pub fn monitor_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<Monitor> {
    let Some(ast::Item::Monitor(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let constants = Constants { db, project, file: item.file(db) };
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
    let measurable =
        Measurable { constants: *constants, kinds: &["metric", "signal", "drift"], inputs: &deployment.inputs };
    let mut rules = Vec::new();
    for when in &tree.when {
        let condition = measurable.one(&when.condition, reports);
        let action = action(constants, when, reports);
        let (Some(condition), Some(action)) = (condition, action) else { continue };
        rules.push(MonitorRule {
            metric: condition.metric,
            inputs: condition.inputs,
            comparison: condition.comparison,
            bound: condition.bound,
            over: when.over.and_then(|over| positive(over, reports)),
            action,
            line: when.span.start,
        });
    }
    Some(Monitor { name: tree.name.text.clone(), deployment: watched.text.clone(), rules })
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
    let SlotType::Kind(kind) = &parameter.ty else { return None };
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
            reports.error("E0801", when.target.span, message, format!("not a {word}"));
            return None;
        }
        (None, _) => Value::Call(constants.nested(kind, &when.target, reports)?),
    };
    Some(Call { name: name.text.clone(), args: BTreeMap::from([(parameter.name.clone(), value)]) })
}
