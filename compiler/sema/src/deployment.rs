//! Deployments: how a model is offered and how a new version takes over.

use mlsys_plan::{AbortRule, Canary, Deployment, Endpoint, Literal, ServingBudget, Type};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::condition::Measurable;
use crate::db::{Checked, Db, Item, Project};
use crate::features::refer;
use crate::model::{ModelDef, model_of};
use crate::report::Reports;
use crate::scope::Scope;
use crate::source::{missing, only_one};

/// A deployment's meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentDef {
    /// The inputs of its model.
    pub inputs: Vec<String>,
    /// The node; none if there are errors.
    pub node: Option<Deployment>,
}

/// The meaning of a `deployment` declaration.
#[salsa::tracked(returns(ref))]
pub fn deployment_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<DeploymentDef> {
    let Some(ast::Item::Deployment(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let constants = Constants { db, project, file: item.file(db) };
    let value = define(&constants, tree, &mut reports);
    Checked { value, reports: reports.into_vec() }
}

fn define(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Option<DeploymentDef> {
    let named = only_one(&tree.model, |name| name.span, "model", reports)
        .or_else(|| missing(&tree.name, "model", "`model fraud`", reports));
    let endpoints = endpoints(constants, tree, reports);
    let budget = budget(constants, tree, reports);
    let cache = only_one(&tree.cache, |cache| cache.span, "cache", reports).and_then(|cache| positive(*cache, reports));
    let fallback = fallback(constants, tree, reports);
    let canary = canary(constants, tree, reports);
    let log_predictions = logs(tree, reports);
    let item = refer(constants, named?, Kind::Model, reports)?;
    let model: &ModelDef = model_of(constants.db, constants.project, item).value.as_ref()?;
    let node = model.nodes.as_ref().filter(|_| !reports.has_errors()).map(|nodes| Deployment {
        name: tree.name.text.clone(),
        model: model.name.clone(),
        endpoints,
        request: model.request.clone(),
        groups: nodes.joins.iter().map(|join| join.group.clone()).collect(),
        budget,
        cache,
        fallback,
        canary,
        log_predictions,
    });
    Some(DeploymentDef { inputs: model.inputs.clone(), node })
}

fn endpoints(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Vec<Endpoint> {
    if tree.serve.is_empty() {
        missing::<()>(&tree.name, "serve", "`serve http(port: 8080)`", reports);
    }
    let calls = tree.serve.iter().filter_map(|call| constants.call("transport", call, reports));
    calls.map(|(transport, _)| Endpoint { transport }).collect()
}

fn budget(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Option<ServingBudget> {
    let (quantile, latency) = only_one(&tree.budget, |(name, _)| name.span, "budget", reports)?;
    let signature = constants.entry("signal", quantile, reports)?;
    if !matches!(&signature.result, Some(crate::library::SlotType::Value(ty)) if ty.ty == Type::Duration) {
        let message = format!("`{}` is not a latency", quantile.text);
        reports
            .error("E0602", quantile.span, message, "not a latency")
            .help("bound a quantile, such as `budget p99 20ms`");
        return None;
    }
    Some(ServingBudget { quantile: quantile.text.clone(), latency: positive(*latency, reports)? })
}

fn fallback(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Option<f64> {
    let written = only_one(&tree.fallback, |value| value.span, "fallback", reports)?;
    let scope = Scope::constant(constants.db, constants.project, constants.file);
    let Literal::Float(value) = scope.literal(written, &Type::Float64, reports)? else { return None };
    if !(0.0..=1.0).contains(&value) {
        let message = format!("a fallback stands for a probability, {value} is none");
        reports
            .error("E0314", written.span, message, "not between 0 and 1")
            .help("give the prediction that is safe when nothing is known, such as the share of positives");
        return None;
    }
    Some(value)
}

fn canary(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Option<Canary> {
    let written = only_one(&tree.canary, |canary| canary.span, "canary", reports)?;
    let name = ast::Name { text: "canary".to_owned(), span: written.span };
    let steps = only_one(&written.steps, |steps| steps.span, "steps", reports)
        .or_else(|| missing(&name, "steps", "`steps [5%, 25%, 100%]`", reports));
    let hold = only_one(&written.hold, |hold| hold.span, "hold", reports)
        .or_else(|| missing(&name, "hold", "`hold 10m`", reports));
    let steps = steps.and_then(|steps| shares(constants, steps, reports));
    let measurable = Measurable { constants: *constants, kinds: &["signal"], inputs: &[] };
    let conditions: Vec<_> = written.abort.iter().flat_map(|abort| measurable.any_of(abort, reports)).collect();
    let abort: Option<Vec<AbortRule>> = conditions
        .into_iter()
        .map(|condition| {
            condition.map(|each| AbortRule { metric: each.metric, comparison: each.comparison, bound: each.bound })
        })
        .collect();
    Some(Canary { steps: steps?, hold: positive(*hold?, reports)?, abort: abort? })
}

/// A length of time that is more than nothing.
pub(crate) fn positive(length: ast::Spanned<i64>, reports: &mut Reports) -> Option<i64> {
    if length.value > 0 {
        return Some(length.value);
    }
    reports
        .error("E0314", length.span, "this length of time is zero", "nothing fits into it")
        .help("give it a length, such as `10m`, or remove the clause");
    None
}

/// Growing shares that end with everything.
fn shares(constants: &Constants<'_>, written: &ast::Expr, reports: &mut Reports) -> Option<Vec<f64>> {
    let ast::ExprKind::List(items) = &written.kind else { return None };
    let mut shares: Vec<f64> = Vec::new();
    for item in items {
        let scope = Scope::constant(constants.db, constants.project, constants.file);
        let Literal::Float(share) = scope.literal(item, &Type::Float64, reports)? else { return None };
        let grows = share > shares.last().copied().unwrap_or(0.0) && share <= 1.0;
        if !grows {
            let message = "canary steps grow, from more than 0% to 100%";
            reports.error("E0601", item.span, message, format!("{}% does not grow", share * 100.0)).help(
                if share > 1.0 {
                    "a share is at most 100%: write five percent as `5%`"
                } else {
                    "put the steps in order, such as `[5%, 25%, 100%]`"
                },
            );
            return None;
        }
        shares.push(share);
    }
    if shares.last() != Some(&1.0) {
        reports
            .error("E0601", written.span, "the last canary step is not 100%", "the new version never takes over")
            .help("end the steps with `100%`");
        return None;
    }
    Some(shares)
}

fn logs(tree: &ast::Deployment, reports: &mut Reports) -> bool {
    let Some(what) = only_one(&tree.log, |name| name.span, "log", reports) else { return false };
    if what.text != "predictions" {
        reports
            .error("E0211", what.span, format!("`{}` cannot be logged", what.text), "unknown")
            .did_you_mean(Some("predictions"));
    }
    true
}
