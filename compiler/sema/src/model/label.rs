//! The label: what is predicted, and when it becomes known.

use mlsys_plan::{ExprKind, Label, Task, Type};
use mlsys_syntax::ast;

use super::Context;
use crate::known::Known;
use crate::report::{Reports, a};
use crate::source::{missing, only_one};

/// The label and the task that follows from its type.
pub(super) fn label(context: &Context<'_, '_>, reports: &mut Reports) -> Option<(Label, Task)> {
    let model = context.model;
    let written = only_one(&model.label, |label| label.value.span, "label", reports)
        .or_else(|| missing(&model.name, "label", "`label is_fraud`", reports))?;
    let mut scope = context.scope();
    let expr = scope.expr(&written.value, reports)?;
    let task = task(context, written, &expr.ty.ty, reports);
    if expr.ty.nullable && context.filter_failed {
        return None;
    }
    if expr.ty.nullable && task.is_some() {
        let missing: Vec<&str> = scope
            .uses
            .iter()
            .filter(|(name, _)| matches!(scope.column_type(name), Some(Some(ty)) if ty.nullable))
            .map(|(name, _)| name.as_str())
            .collect();
        let column = missing.first().copied().unwrap_or("COLUMN");
        reports
            .error("E0309", written.value.span, "the label may be missing", format!("missing where `{column}` is"))
            .help(format!("leave such rows out: `observe {} where {column} is not null`", context.source.name));
        return None;
    }
    let known = known(context, &scope.uses, reports)?;
    let timeline = context.source.timeline.as_ref()?;
    let known_at = match known {
        Known::Unclear => return None,
        Known::WithRow => timeline.row.expr.clone(),
        Known::At(moment) => moment.expr,
    };
    let name = match (&written.name, &expr.kind) {
        (Some(name), _) => name.text.clone(),
        (None, ExprKind::Column { name }) => name.clone(),
        (None, _) => "label".to_owned(),
    };
    Some((Label { name, expr, known_at }, task?))
}

/// The task that a label's type asks for.
fn task(context: &Context<'_, '_>, written: &ast::Label, ty: &Type, reports: &mut Reports) -> Option<Task> {
    let learner = context.model.learn.first().map_or("this learner", |learn| learn.name.text.as_str());
    if *ty == Type::Bool {
        return Some(Task::Binary);
    }
    let message = format!("`{learner}` learns a bool, the label is a {ty}");
    let report = reports.error("E0308", written.value.span, message, format!("this is {}", a(&ty)));
    if ty.is_numeric() {
        report.help("make it a question of yes or no, such as `… > 15`");
    } else {
        report.help("make it a comparison that holds or does not");
    }
    None
}

/// When the label is known: with the latest of what it reads.
fn known(
    context: &Context<'_, '_>,
    uses: &[(String, mlsys_diagnostics::Span)],
    reports: &mut Reports,
) -> Option<Known> {
    let timeline = context.source.timeline.as_ref()?;
    let mut known = Known::WithRow;
    for (name, span) in uses {
        let Some(column) = context.source.column(name) else { continue };
        match timeline.later(known, column.known.clone()) {
            Ok(later) => known = later,
            Err(times) => {
                let (one, other) = *times;
                let message = format!(
                    "the label is known at `{}` and at `{}`, and neither is surely the later",
                    one.text, other.text
                );
                reports
                    .error("E0403", *span, message, format!("known at `{}`", other.text))
                    .help("derive the label as a column of the source and say `known at` there");
                return None;
            }
        }
    }
    Some(known)
}
