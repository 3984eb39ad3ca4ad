//! When each column of a source becomes known.

use mlsys_plan::{Derived, Field, KnownAt, Type};
use mlsys_syntax::ast;

use super::{Column, columns};
use crate::args::Constants;
use crate::known::{Known, Moment, Timeline};
use crate::report::{Reports, a};
use crate::scope::Scope;

/// A source's columns with availability, and what the node needs of them.
pub(super) struct Dated {
    pub(super) schema: Vec<Field>,
    pub(super) derived: Vec<Derived>,
    pub(super) columns: Vec<Column>,
    pub(super) known_at: Vec<KnownAt>,
    pub(super) timeline: Option<Timeline>,
}

pub(super) fn table(
    constants: &Constants<'_>,
    tree: &ast::Source,
    owner: &str,
    table: columns::Table,
    time: Option<&ast::Name>,
    reports: &mut Reports,
) -> Dated {
    let mut clauses: Vec<(&ast::Name, &ast::Expr)> = Vec::new();
    clauses.extend(tree.columns.iter().filter_map(|column| Some((&column.name, column.known_at.as_ref()?))));
    clauses.extend(tree.derived.iter().filter_map(|derived| Some((&derived.name, derived.known_at.as_ref()?))));
    let mut declared: Vec<(String, Moment, mlsys_diagnostics::Span)> = Vec::new();
    for (name, written) in clauses {
        let mut scope = Scope::constant(constants.db, constants.project, constants.file).with_columns(
            owner,
            "column",
            table.scope_columns(),
        );
        if let Some(moment) = moment(&mut scope, written, &table.derived, reports) {
            if let Some(row) = row_moment(time, &table)
                && moment.no_later_than(&row)
                && !row.no_later_than(&moment)
            {
                let message = format!("`{}` comes before the row's own time `{}`", moment.text, row.text);
                reports
                    .error("E0404", written.span, message, "before the row")
                    .help("a value is known with its row or later: leave `known at` out, or name a later moment");
            }
            declared.push((name.text.clone(), moment, written.span));
        }
    }
    if let (None, Some((_, _, span))) = (time, declared.first())
        && tree.time.is_empty()
        && tree.fixed.is_empty()
    {
        reports
            .error(
                "E0406",
                *span,
                format!("`{}` has no `time` that `known at` could come after", tree.name.text),
                "later than what?",
            )
            .help("say which column holds the time of a row, such as `time paid_at`");
    }
    let known_at = declared
        .iter()
        .map(|(column, moment, _)| KnownAt { column: column.clone(), at: moment.expr.clone() })
        .collect();
    let timeline = row_moment(time, &table)
        .map(|row| Timeline { row, declared: declared.iter().map(|(_, moment, _)| moment.clone()).collect() });
    let mut dated = Dated { schema: table.schema, derived: table.derived, columns: Vec::new(), known_at, timeline };
    for column in &table.columns {
        let own = declared.iter().find(|(name, ..)| *name == column.scope.name);
        dated.columns.push(Column {
            name: column.scope.name.clone(),
            ty: column.scope.ty.clone(),
            pii: column.scope.pii,
            span: column.span,
            reads: Vec::new(),
            derived: own.is_none(),
            known: own.map_or(Known::WithRow, |(_, moment, _)| Known::At(moment.clone())),
            known_span: own.map(|(.., span)| *span),
        });
    }
    follow(&table.columns, &declared, &mut dated, reports);
    dated
}

fn row_moment(time: Option<&ast::Name>, table: &columns::Table) -> Option<Moment> {
    let time = time?;
    let column = table.columns.iter().find(|column| column.scope.name == time.text)?;
    let expr = mlsys_plan::Expr::column(time.text.clone(), column.scope.ty.clone()?);
    Some(Moment::of(&expr, &table.derived, time.text.clone()))
}

/// The moment that an expression names: a timestamp, which may be missing.
pub(crate) fn moment(
    scope: &mut Scope<'_>,
    written: &ast::Expr,
    derived: &[Derived],
    reports: &mut Reports,
) -> Option<Moment> {
    let typed = scope.expr(written, reports)?;
    if typed.ty.ty != Type::Timestamp {
        let message = format!("a moment is a timestamp, this is {}", a(&typed.ty));
        reports
            .error("E0315", written.span, message, format!("this is {}", a(&typed.ty)))
            .help("name a timestamp column, or one plus a duration");
        return None;
    }
    let text = typed.to_string();
    let text = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(&text).to_owned();
    Some(Moment::of(&typed, derived, text))
}

/// Derived columns are known when the latest of what they read is, and come from the columns those come from.
fn follow(
    typed: &[columns::TypedColumn],
    declared: &[(String, Moment, mlsys_diagnostics::Span)],
    dated: &mut Dated,
    reports: &mut Reports,
) {
    for column in &mut dated.columns {
        if typed.iter().any(|typed| typed.scope.name == column.name && typed.uses.is_none()) {
            column.reads = vec![column.name.clone()];
        }
    }
    // Derived columns are in dependency order: what one reads has been followed before it.
    for derived in dated.derived.clone() {
        let Some(uses) =
            typed.iter().find(|typed| typed.scope.name == derived.name).and_then(|typed| typed.uses.as_ref())
        else {
            continue;
        };
        let mut reads: Vec<String> = Vec::new();
        let mut known = Known::WithRow;
        let mut late: Option<mlsys_diagnostics::Span> = None;
        let says = declared.iter().any(|(name, ..)| *name == derived.name);
        for (name, span) in uses {
            let Some(read) = dated.columns.iter().find(|column| column.name == *name) else { continue };
            reads.extend(read.reads.iter().filter(|base| !reads.contains(base)).cloned().collect::<Vec<_>>());
            if let Known::At(_) = read.known {
                late.get_or_insert(*span);
            }
            if read.known == Known::Unclear {
                known = Known::Unclear;
            }
            let own = declared.iter().find(|(own, ..)| *own == derived.name);
            if let (Some((_, moment, said)), Some(timeline)) = (own, dated.timeline.as_ref()) {
                too_early(&derived.name, (moment, *said), (read, *span), timeline, reports);
            }
            let Some(timeline) = dated.timeline.as_ref().filter(|_| !says) else { continue };
            match timeline.later(known.clone(), read.known.clone()) {
                Ok(later) => known = later,
                Err(times) => {
                    two_times(&derived.name, *span, &times.0, &times.1, reports);
                    known = Known::Unclear;
                }
            }
        }
        if let Some(column) = dated.columns.iter_mut().find(|column| column.name == derived.name) {
            column.reads = reads;
            if !says {
                column.known = known;
                column.known_span = late;
            }
        }
    }
}

/// What a definition says of itself cannot be earlier than what it reads.
fn too_early(
    name: &str,
    (moment, said): (&Moment, mlsys_diagnostics::Span),
    (read, span): (&Column, mlsys_diagnostics::Span),
    timeline: &Timeline,
    reports: &mut Reports,
) {
    let Known::At(at) = &read.known else { return };
    let earlier = moment.no_later_than(at) || moment.no_later_than(&timeline.row);
    if at.no_later_than(moment) || !earlier {
        return;
    }
    let message =
        format!("`{name}` is said to be known at `{}`, but reads `{}`, known at `{}`", moment.text, read.name, at.text);
    let item = reports.item().clone();
    reports
        .error("E0403", said, message, "too early")
        .also(&item, span, format!("known at `{}` only", at.text))
        .help(format!("say `known at {}`, or leave it out", at.text));
}

fn two_times(name: &str, span: mlsys_diagnostics::Span, one: &Moment, other: &Moment, reports: &mut Reports) {
    let message =
        format!("`{name}` is known at `{}` and at `{}`, and neither is surely the later", one.text, other.text);
    reports
        .error("E0403", span, message, format!("known at `{}`", other.text))
        .help(format!("say which it is: `{name} = … known at {}`", other.text));
}
