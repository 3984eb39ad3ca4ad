//! `score`: predictions that are written without being asked for.

use mlsys_plan::{Clock, Scoring, Type};
use mlsys_syntax::{Kind, ast};

use super::{Context, positive};
use crate::refer::refer;
use crate::report::{Reports, a};
use crate::scope::{Scope, ScopeColumn, listed};
use crate::source::{SourceDef, source_of};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The days of the week; Monday is 1 as in ISO 8601.
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

pub(super) fn scoring(context: &Context<'_, '_>, reports: &mut Reports) -> Vec<Scoring> {
    let mut scoring = Vec::new();
    for written in &context.tree.score {
        scoring.extend(one(context, written, reports));
    }
    scoring
}

fn one(context: &Context<'_, '_>, written: &ast::Score, reports: &mut Reports) -> Option<Scoring> {
    let constants = &context.constants;
    let every = match written.every {
        Some(every) => Some(positive(every, reports)?),
        None => None,
    };
    let at = clock(written, every, reports);
    rows(context, written, reports);
    let into = match &written.into {
        Some(into) => constants.call("sink", into, reports).map(|(into, _)| into),
        None => {
            reports
                .error("E0209", written.span, "`score` does not say where predictions go", "needs `into …`")
                .help("add it: `score … into parquet(\"out/scores\")`");
            None
        }
    };
    let filter = match &written.filter {
        Some(filter) => Some(self::filter(context, filter, reports)?),
        None => None,
    };
    let source = written.source.as_ref().map(|source| source.text.clone());
    Some(Scoring { source, stream: written.stream, every, at: at?, into: into?, filter })
}

/// When a run begins: a time of day needs whole days between runs, a day of the week whole weeks.
fn clock(written: &ast::Score, every: Option<i64>, reports: &mut Reports) -> Option<Option<Clock>> {
    let Some(at) = &written.at else { return Some(None) };
    let Some(minute) = at.minute.and_then(|minute| u16::try_from(minute).ok()) else {
        reports
            .error("E0609", at.span, "there is no such time of day", "not a time of day")
            .help("write it as `02:00`, from 00:00 to 23:59, UTC");
        return None;
    };
    let mut day = None;
    if let Some(name) = &at.day {
        let Some(index) = DAYS.iter().position(|known| *known == name.text) else {
            reports
                .error("E0609", name.span, format!("`{}` is no day of the week", name.text), "unknown")
                .help(format!("the days are {}", listed(&DAYS)))
                .did_you_mean(mlsys_diagnostics::nearest(&name.text, DAYS));
            return None;
        };
        day = u8::try_from(index + 1).ok();
    }
    let whole = if day.is_some() { 7 * DAY } else { DAY };
    if every.is_none_or(|every| every % whole != 0) {
        let message = if day.is_some() {
            "a day of the week needs whole weeks between two runs"
        } else {
            "a time of day needs whole days between two runs"
        };
        reports.error("E0609", at.span, message, "not the same time at every run").help(if day.is_some() {
            "write `every 7d at monday 06:00`"
        } else {
            "write `every 1d at 02:00`"
        });
        return None;
    }
    Some(Some(Clock { day, minute }))
}

/// Which rows are scored, and that they have what the model needs.
fn rows(context: &Context<'_, '_>, written: &ast::Score, reports: &mut Reports) {
    if let Some(name) = &written.source {
        let constants = &context.constants;
        let found = refer(constants, name, Kind::Source, reports);
        let source = found.and_then(|item| source_of(constants.db, constants.project, item).value.as_ref());
        if let Some(source) = source.filter(|source| source.item != context.model.source) {
            serves(context, source, name, reports);
        }
        return;
    }
    if written.stream {
        if let Some(every) = written.every.filter(|_| context.model.observes_rows) {
            reports
                .error("E0609", every.span, "rows of a stream are scored as they come", "says nothing here")
                .help("leave `every …` out, or score the history: `score SOURCE every 1d into …`");
            return;
        }
        let live = context.source.is_none_or(|source| source.has_stream || !source.intact);
        if !live && context.model.observes_rows {
            let message = format!("the source `{}` has no `stream`: no rows come", context.model.source.name);
            let report = reports.error("E0609", written.span, message, "nothing to score");
            if let Some(source) = context.source {
                report.also(&source.item, source.name_span, "has no `stream`");
            }
            report.help("give the source a `stream`, or score its history: `score SOURCE every 1d into …`");
        }
        return;
    }
    if context.model.observes_rows {
        reports
            .error("E0609", written.span, "`score` does not say which rows", "which rows?")
            .help(format!("name the source: `score {} every 1d into …`", context.model.source.name));
    }
}

/// Another source's rows can be scored if they have the columns of a request.
fn serves(context: &Context<'_, '_>, source: &SourceDef, name: &ast::Name, reports: &mut Reports) {
    for field in &context.model.request {
        match source.column(&field.name) {
            None if source.intact => {
                let message = format!("the model needs `{}`, which `{}` does not have", field.name, source.name);
                reports
                    .error("E0603", name.span, message, format!("has no column `{}`", field.name))
                    .help("derive it in the source, or score another one");
                return;
            }
            Some(column) if column.ty.as_ref().is_some_and(|ty| ty.ty != field.ty.ty) => {
                let found = column.ty.as_ref().map(a).unwrap_or_default();
                let message = format!("the model needs `{}` as {}, here it is {found}", field.name, a(&field.ty));
                reports
                    .error("E0603", name.span, message, "of another type")
                    .also(&source.item, column.span, "declared here")
                    .help("give both the same type");
                return;
            }
            _ => {}
        }
    }
}

/// `where prediction > quantile(0.999)`: on the prediction and on quantiles of those of the training part.
fn filter(context: &Context<'_, '_>, written: &ast::Expr, reports: &mut Reports) -> Option<mlsys_plan::Expr> {
    let mut condition = written.clone();
    let mut columns = vec![ScopeColumn::new("prediction", Some(Type::Float64.required()))];
    quantiles(&mut condition, &mut columns, reports);
    let constants = &context.constants;
    let mut scope = Scope::constant(constants.db, constants.project, constants.file).with_columns(
        "a scored row",
        "column",
        columns,
    );
    scope.predicate(&condition, reports)
}

/// Puts a name in the place of every `quantile(q)`.
fn quantiles(expr: &mut ast::Expr, columns: &mut Vec<ScopeColumn>, reports: &mut Reports) {
    let ast::ExprKind::Call(call) = &expr.kind else {
        expr.children_mut().into_iter().for_each(|child| quantiles(child, columns, reports));
        return;
    };
    if call.name.text != "quantile" {
        return;
    }
    let share = match call.arguments.as_slice() {
        [argument] => match &argument.value.kind {
            ast::ExprKind::Literal(ast::Literal::Float(share)) => Some(*share),
            ast::ExprKind::Literal(ast::Literal::Int(0)) => Some(0.0),
            ast::ExprKind::Literal(ast::Literal::Int(1)) => Some(1.0),
            _ => None,
        },
        _ => None,
    };
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    if share.is_none() {
        reports
            .error("E0314", expr.span, "`quantile` takes a share between 0 and 1", "not a share")
            .help("write it as `quantile(0.999)`");
    }
    let name = format!("prediction.quantile({})", share.unwrap_or_default());
    columns.push(ScopeColumn::new(name.clone(), Some(Type::Float64.required())));
    expr.kind = ast::ExprKind::Name(name);
}
