//! Deployments: how models are offered, and how a new version takes over.

mod answers;
mod limits;
mod privacy;
mod rollout;
mod scoring;

use mlsys_diagnostics::Span;
use mlsys_plan::{Deployment, Endpoint, Stage, Task, ValueType};
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::db::{Checked, Db, Item, ItemRef, Project};
use crate::model::{ModelDef, model_of};
use crate::refer::refer;
use crate::report::Reports;
use crate::source::{SourceDef, missing, only_one, source_of};

/// A deployment's meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct DeploymentDef {
    /// Whether all inputs could be read.
    pub complete: bool,
    /// The inputs of the model whose prediction is the answer.
    pub inputs: Vec<String>,
    /// Their types, in the same order.
    pub types: Vec<ValueType>,
    /// What kind of prediction it is; none if that is wrong.
    pub task: Option<Task>,
    /// The observed source, which may stand in another file.
    pub source: ItemRef,
    /// The columns that the label reads.
    pub label_reads: Vec<String>,
    /// The node; none if there are errors.
    pub node: Option<Deployment>,
}

/// What the clauses of a deployment are checked against.
pub(crate) struct Context<'a, 'db> {
    pub(crate) constants: Constants<'db>,
    pub(crate) tree: &'a ast::Deployment,
    /// The model whose prediction is the answer.
    pub(crate) model: &'db ModelDef,
    /// What it observes; none if that is wrong.
    pub(crate) source: Option<&'db SourceDef>,
}

/// The meaning of a `deployment` declaration.
#[salsa::tracked(returns(ref))]
pub fn deployment_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<DeploymentDef> {
    let Some(ast::Item::Deployment(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let constants = Constants { db, project, file: item.file(db), item };
    let value = define(&constants, tree, &mut reports);
    Checked { value, reports: reports.into_vec() }
}

fn define(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Option<DeploymentDef> {
    let endpoints = endpoints(constants, tree, reports);
    let limits = limits::limits(constants, tree, reports);
    let (stages, model) = stages(constants, tree, reports);
    let model = model?;
    let source = model.source.find(constants.db, constants.project);
    let source = source.and_then(|item| source_of(constants.db, constants.project, item).value.as_ref());
    let context = Context { constants: *constants, tree, model, source };
    let scoring = scoring::scoring(&context, reports);
    let exports = exports(constants, tree, reports);
    if tree.serve.is_empty() && tree.score.is_empty() && tree.export.is_empty() {
        missing::<()>(&tree.name, "serve", "`serve http(port: 8080)`, or `score … into …`, or `export …`", reports);
    }
    let fallback = answers::fallback(&context, reports);
    let expectations = answers::expectations(&context, reports);
    let rollout = rollout::rollout(&context, reports);
    limits::check(&context, &limits, reports);
    privacy::check(&context, reports);
    let log = answers::log(&context, reports);
    let finished = model.nodes.as_ref().filter(|_| !reports.has_errors());
    let node = finished.map(|nodes| Deployment {
        name: tree.name.text.clone(),
        stages,
        endpoints,
        scoring,
        exports,
        request: model.request.clone(),
        groups: nodes.joins.iter().map(|join| join.group.clone()).collect(),
        budget: limits.budget,
        fresh: limits.fresh,
        cache: limits.cache,
        batch: limits.batch,
        fallback,
        limit: limits.limit,
        auth: limits.auth,
        explain: limits.explain,
        expectations,
        rollout,
        log,
        allow_pii: tree.allow.first().map(|allow| allow.reason.clone()),
    });
    Some(DeploymentDef {
        complete: model.complete,
        inputs: model.inputs.clone(),
        types: model.types.clone(),
        task: model.task,
        source: model.source.clone(),
        label_reads: model.label_reads.clone(),
        node,
    })
}

/// The models in their order, and the meaning of the last one.
fn stages<'db>(
    constants: &Constants<'db>,
    tree: &ast::Deployment,
    reports: &mut Reports,
) -> (Vec<Stage>, Option<&'db ModelDef>) {
    let of = |name: &ast::Name, reports: &mut Reports| {
        let item = refer(constants, name, Kind::Model, reports)?;
        model_of(constants.db, constants.project, item).value.as_ref()
    };
    if let (Some(model), Some(stage)) = (tree.model.first(), tree.stages.first()) {
        let item = reports.item().clone();
        reports
            .error("E0608", stage.model.span, "a deployment has one model or several stages, not both", "a stage")
            .also(&item, model.span, "a model")
            .help("write the model as the last stage: `stage MODEL keep N`");
    }
    if tree.stages.is_empty() {
        let named = only_one(&tree.model, |name| name.span, "model", reports)
            .or_else(|| missing(&tree.name, "model", "`model fraud`", reports));
        let Some(named) = named else { return (Vec::new(), None) };
        return (vec![Stage { model: named.text.clone(), keep: None }], of(named, reports));
    }
    let mut stages: Vec<Stage> = Vec::new();
    let mut last: Option<&ModelDef> = None;
    for stage in &tree.stages {
        let model = of(&stage.model, reports);
        let repeated = stages.iter().any(|known| known.model == stage.model.text);
        let late = last.is_some() && model.is_some_and(|model| model.task == Some(Task::Retrieval));
        if repeated || late {
            let message =
                if repeated { "a model is a stage once" } else { "candidates are retrieved before they are ranked" };
            reports
                .error("E0610", stage.model.span, message, "not in this place")
                .help("write the stages in the order in which candidates pass them");
        }
        last = model;
        stages.extend(kept(stage, stages.last(), reports));
    }
    (stages, last)
}

/// Each stage hands on fewer candidates than it was given.
fn kept(stage: &ast::Stage, before: Option<&Stage>, reports: &mut Reports) -> Option<Stage> {
    let keep = u32::try_from(stage.keep.value).ok().filter(|keep| *keep > 0);
    let problem = match (keep, before.and_then(|before| before.keep)) {
        (None, _) => Some("a stage keeps at least one candidate, and fewer than four billion".to_owned()),
        (Some(keep), Some(before)) if keep >= before => {
            Some(format!("this stage is given {before} candidates and keeps {keep}"))
        }
        _ => None,
    };
    if let Some(problem) = problem {
        reports
            .error("E0610", stage.keep.span, problem, "chooses nothing")
            .help("let every stage keep fewer than the one before it");
        return None;
    }
    Some(Stage { model: stage.model.text.clone(), keep })
}

fn endpoints(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut spans: Vec<Span> = Vec::new();
    for serve in &tree.serve {
        let Some((transport, _)) = constants.call("transport", serve, reports) else { continue };
        let same = endpoints.iter().position(|known| known.transport.int("port") == transport.int("port"));
        if let Some(same) = same {
            let item = reports.item().clone();
            reports
                .error("E0203", serve.span, "two endpoints have the same port", "taken already")
                .also(&item, spans[same], "taken here")
                .help("give one of them another port");
        }
        endpoints.push(Endpoint { transport });
        spans.push(serve.span);
    }
    endpoints
}

fn exports(constants: &Constants<'_>, tree: &ast::Deployment, reports: &mut Reports) -> Vec<mlsys_plan::Call> {
    let mut exports = Vec::new();
    for export in &tree.export {
        exports.extend(constants.call("export", export, reports).map(|(call, _)| call));
    }
    exports
}

/// A length of time that is more than nothing.
pub(crate) fn positive(length: ast::Spanned<i64>, reports: &mut Reports) -> Option<i64> {
    if length.value == i64::MAX {
        reports
            .error("E0104", length.span, "this length of time is longer than can be counted", "does not fit")
            .help("lengths are counted in microseconds, in 64 bits: take a shorter one");
        return None;
    }
    if length.value > 0 {
        return Some(length.value);
    }
    reports
        .error("E0314", length.span, "this length of time is zero", "nothing fits into it")
        .help("give it a length, such as `10m`, or remove the clause");
    None
}
