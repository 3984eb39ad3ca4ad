//! What is answered, kept and expected of predictions.

use mlsys_plan::{Fallback, Literal, MonitorCondition, Task, Type};
use mlsys_syntax::{Kind, ast};

use super::Context;
use crate::condition::Measurable;
use crate::reach::Reach;
use crate::refer::refer;
use crate::report::Reports;
use crate::scope::Scope;
use crate::source::only_one;

/// What is answered when the model cannot.
pub(super) fn fallback(context: &Context<'_, '_>, reports: &mut Reports) -> Option<Fallback> {
    let written = only_one(&context.tree.fallback, |value| value.span, "fallback", reports)?;
    let constants = &context.constants;
    match &written.kind {
        ast::ExprKind::Field(..) => feature(context, written, reports).map(Fallback::Feature),
        ast::ExprKind::Call(call) => {
            let (mut found, signature) = constants.call("fallback", call, reports)?;
            let ranks = matches!(context.model.task, None | Some(Task::Ranking | Task::Retrieval));
            if found.name == "popular" && !ranks {
                reports
                    .error(
                        "E0604",
                        call.name.span,
                        "`popular` answers with candidates, this model does not",
                        "does not fit",
                    )
                    .help("answer with a number, or with an input of the model");
                return None;
            }
            let reach = Reach { inputs: &context.model.inputs, complete: context.model.complete, ..Reach::default() };
            let fine = reach.resolve(&mut found, signature, &call.arguments, reports);
            if let Some(name) = found.string("rows") {
                let span = call.arguments.first().map_or(call.span, |argument| argument.value.span);
                refer(constants, &ast::Name { text: name.to_owned(), span }, Kind::Source, reports)?;
            }
            fine.then_some(Fallback::Call(found))
        }
        _ => {
            let scope = Scope::constant(constants.db, constants.project, constants.file);
            let Literal::Float(value) = scope.literal(written, &Type::Float64, reports)? else { return None };
            if context.model.task == Some(Task::Binary) && !(0.0..=1.0).contains(&value) {
                let message = format!("a fallback stands for a probability, {value} is none");
                reports
                    .error("E0314", written.span, message, "not between 0 and 1")
                    .help("give the prediction that is safe when nothing is known, such as the share of positives");
                return None;
            }
            Some(Fallback::Number(value))
        }
    }
}

/// A feature that is answered instead of a prediction: an input of the model.
fn feature(context: &Context<'_, '_>, written: &ast::Expr, reports: &mut Reports) -> Option<String> {
    let path = crate::reach::path(written).unwrap_or_default();
    if let Some(index) = context.model.inputs.iter().position(|input| *input == path) {
        let ty = &context.model.types[index].ty;
        let fits = match context.model.task {
            Some(Task::Binary) => ty.is_float(),
            Some(Task::Regression | Task::Quantile | Task::Anomaly) => ty.is_numeric(),
            _ => true,
        };
        if fits {
            return Some(path);
        }
        let message = format!("a fallback stands for the prediction, `{path}` is {}", crate::report::a(ty));
        reports
            .error("E0305", written.span, message, "no prediction")
            .help("name a feature of the prediction's kind, such as a share for a probability, or a number");
        return None;
    }
    if !context.model.complete {
        return None;
    }
    let known: Vec<&str> = context.model.inputs.iter().map(String::as_str).collect();
    reports
        .error("E0205", written.span, format!("the model has no input `{path}`"), "not an input")
        .help("answer with a number, or with an input of the model such as `demand.yesterday`")
        .did_you_mean(mlsys_diagnostics::nearest(&path, known));
    None
}

/// What predictions must satisfy before they replace earlier ones.
pub(super) fn expectations(context: &Context<'_, '_>, reports: &mut Reports) -> Vec<MonitorCondition> {
    let measurable = Measurable {
        constants: context.constants,
        kinds: &["signal", "drift"],
        inputs: &context.model.inputs,
        complete: context.model.complete,
        types: &context.model.types,
        task: context.model.task,
    };
    let mut expectations = Vec::new();
    for written in &context.tree.expect {
        expectations.extend(measurable.one(written, reports).map(crate::condition::Condition::into_plan));
    }
    expectations
}

/// The share of predictions that is kept.
pub(super) fn log(context: &Context<'_, '_>, reports: &mut Reports) -> Option<f64> {
    let log = only_one(&context.tree.log, |log| log.what.span, "log", reports)?;
    if log.what.text != "predictions" {
        reports
            .error("E0211", log.what.span, format!("`{}` cannot be logged", log.what.text), "unknown")
            .did_you_mean(Some("predictions"));
    }
    let Some(written) = &log.sample else { return Some(1.0) };
    let constants = &context.constants;
    let scope = Scope::constant(constants.db, constants.project, constants.file);
    let Literal::Float(share) = scope.literal(written, &Type::Float64, reports)? else { return None };
    if share <= 0.0 || share > 1.0 {
        reports
            .error(
                "E0314",
                written.span,
                format!("a sample is more than 0% and at most 100%, this is {share}"),
                "no share",
            )
            .help("write ten percent as `10%`");
        return None;
    }
    Some(share)
}
