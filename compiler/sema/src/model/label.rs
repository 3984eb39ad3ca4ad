//! The label: what is predicted, and when it becomes known.

use mlsys_diagnostics::Span;
use mlsys_plan::{BinaryOp, Expr, ExprKind, Label, Literal, LookAhead, Type};
use mlsys_syntax::ast;

use super::Context;
use crate::features::ahead::look_ahead;
use crate::known::Known;
use crate::report::Reports;
use crate::scope::ScopeColumn;
use crate::source::only_one;

/// The label. The outer none is a mistake that has been reported, the inner one a model without a label.
pub(super) fn label(context: &Context<'_, '_>, reports: &mut Reports) -> Option<Option<Label>> {
    let Some(written) = only_one(&context.model.label, |label| label.value.span, "label", reports) else {
        return Some(None);
    };
    let mut value = written.value.clone();
    let mut looks = Looks::default();
    looks.take(context, &mut value, reports);
    let mut scope = context.scope();
    scope.add_columns(looks.columns.clone());
    let expr = scope.expr(&value, reports)?;
    if let Some((name, span)) = scope.personal.first() {
        let message = format!("the label is made of `{name}`, which is personal data");
        reports
            .error("E0501", *span, message, "reaches the model")
            .help("pass it through a function of `std.privacy`, or predict something else");
        return None;
    }
    if expr.ty.nullable && context.filter_failed {
        return None;
    }
    if expr.ty.nullable {
        let missing =
            scope.uses.iter().find(|(name, _)| matches!(scope.column_type(name), Some(Some(ty)) if ty.nullable));
        may_be_missing(context, written, missing.map(|(name, _)| name.as_str()), reports);
        return None;
    }
    let name = match (&written.name, &expr.kind) {
        (Some(name), _) => name.text.clone(),
        (None, ExprKind::Column { name }) if !name.contains('.') => name.clone(),
        (None, _) => "label".to_owned(),
    };
    let own: Vec<(String, Span)> =
        scope.uses.iter().filter(|(name, _)| looks.columns.iter().all(|look| look.name != *name)).cloned().collect();
    let known_at = known_at(context, &own, &looks.found, written.value.span, reports)?;
    if looks.failed {
        return None;
    }
    Some(Some(Label { name, expr, known_at, looks: looks.found }))
}

fn may_be_missing(context: &Context<'_, '_>, written: &ast::Label, column: Option<&str>, reports: &mut Reports) {
    let span = written.value.span;
    match column {
        Some(column) if !column.contains('.') => {
            reports
                .error("E0309", span, "the label may be missing", format!("missing where `{column}` is"))
                .help(format!("leave such rows out: `observe {} where {column} is not null`", context.source.name));
        }
        _ => {
            reports
                .error("E0309", span, "the label may be missing", "has no value for some examples")
                .help("say what it is then with `??`, such as `… ?? 0`");
        }
    }
}

/// The looks ahead of a label.
#[derive(Default)]
struct Looks {
    found: Vec<LookAhead>,
    columns: Vec<ScopeColumn>,
    failed: bool,
}

impl Looks {
    /// Puts a name in the place of every look ahead.
    fn take(&mut self, context: &Context<'_, '_>, value: &mut ast::Expr, reports: &mut Reports) {
        let ahead = match &value.kind {
            ast::ExprKind::Call(call) => call.ahead.as_ref().map(|ahead| (call.clone(), ahead.clone())),
            _ => None,
        };
        let Some((call, ahead)) = ahead else {
            value.children_mut().into_iter().for_each(|child| self.take(context, child, reports));
            return;
        };
        let name = format!("label.{}", self.columns.len() + 1);
        let found = look_ahead(&context.constants, &name, &call, &ahead, reports);
        self.failed |= found.is_none();
        let ty = found.as_ref().map(|(look, _)| look.ty.clone());
        let pii = found.as_ref().is_some_and(|(_, pii)| *pii);
        if let Some((look, _)) = &found {
            check_keys(context, look, ahead.entity.span, reports);
        }
        self.columns.push(ScopeColumn { name: name.clone(), ty, pii });
        self.found.extend(found.map(|(look, _)| look));
        value.kind = ast::ExprKind::Name(name);
    }
}

/// The observed row must say which entity is looked ahead for.
fn check_keys(context: &Context<'_, '_>, look: &LookAhead, span: Span, reports: &mut Reports) {
    for key in &look.keys {
        match context.source.column(&key.name) {
            None if context.source.intact => {
                let message =
                    format!("the source `{}` has no column `{}` to look ahead for", context.source.name, key.name);
                reports
                    .error("E0202", span, message, format!("needs a column `{}`", key.name))
                    .help(format!("derive it in the source: `{} = COLUMN`", key.name));
            }
            Some(column) if column.ty.as_ref().is_some_and(|ty| ty.ty != key.ty.ty) => {
                let message =
                    format!("the key `{}` is not of the type that `{}` has here", key.name, context.source.name);
                reports.error("E0306", span, message, "of another type").help("give both the same type");
            }
            _ => {}
        }
    }
}

/// When the label is known: with the latest of what it reads.
fn known_at(
    context: &Context<'_, '_>,
    uses: &[(String, Span)],
    looks: &[LookAhead],
    span: Span,
    reports: &mut Reports,
) -> Option<Expr> {
    let at = context.at.clone()?;
    let known = known(context, uses, reports)?;
    let Some(width) = looks.iter().map(|look| look.width).max() else {
        return match (known, context.source.timeline.as_ref()) {
            (Known::Unclear, _) => None,
            (Known::At(moment), _) => Some(moment.expr),
            (Known::WithRow, Some(timeline)) if context.ticks.is_none() => Some(timeline.row.expr.clone()),
            (Known::WithRow, _) => Some(at.expr),
        };
    };
    if let Known::At(moment) = &known {
        let message = format!("the label looks ahead and reads a value that is known at `{}`", moment.text);
        reports
            .error("E0403", span, message, "known at two times")
            .help("predict one of both, or derive the label as a column of a source and say `known at` there");
        return None;
    }
    let ty = at.expr.ty.clone();
    let width = Expr::literal(Literal::Duration(width), Type::Duration.required());
    let (left, right) = (Box::new(at.expr), Box::new(width));
    Some(Expr { kind: ExprKind::Binary { operator: BinaryOp::Add, left, right }, ty })
}

fn known(context: &Context<'_, '_>, uses: &[(String, Span)], reports: &mut Reports) -> Option<Known> {
    let Some(timeline) = context.source.timeline.as_ref() else {
        return context.source.is_static.then_some(Known::WithRow);
    };
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
