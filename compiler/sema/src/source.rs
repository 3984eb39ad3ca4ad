//! Sources: columns with type and availability, and the node that reads them.

pub(crate) mod availability;
pub(crate) mod columns;
mod expectations;

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Type, ValueType};
use mlsys_syntax::ast;

use crate::args::Constants;
use crate::db::{Checked, Db, Item, ItemRef, Project};
use crate::deployment::positive;
use crate::known::{Known, Timeline};
use crate::report::{Reports, a};
use crate::scope::{Scope, ScopeColumn};

/// A source's meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceDef {
    /// The declaration.
    pub item: ItemRef,
    /// The source's name.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// Whether all of the declaration could be read; if not, a column that seems to be missing may be in the rest.
    pub intact: bool,
    /// Declared columns, then derived ones in written order.
    pub columns: Vec<Column>,
    /// The columns of `key`.
    pub key: Vec<String>,
    /// Whether rows have no time: a lookup table.
    pub is_static: bool,
    /// Whether the same rows come live.
    pub has_stream: bool,
    /// How far back the history reaches, in microseconds, and where that is said.
    pub retention: Option<(i64, Span)>,
    /// The node; none if there are errors.
    pub node: Option<mlsys_plan::Source>,
    pub(crate) derived: Vec<mlsys_plan::Derived>,
    pub(crate) timeline: Option<Timeline>,
}

/// A column of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// The column's name.
    pub name: String,
    /// The column's type; none if it is wrong.
    pub ty: Option<ValueType>,
    /// Whether it is personal data.
    pub pii: bool,
    /// Where it is declared.
    pub span: Span,
    /// The declared columns it is computed from; itself, if it is declared.
    pub reads: Vec<String>,
    pub(crate) known: Known,
    /// Whether the column is late because of what it reads.
    pub(crate) derived: bool,
    /// The text behind `known at` or of the definition that makes the column late.
    pub(crate) known_span: Option<Span>,
}

/// The meaning of a `source` declaration.
#[salsa::tracked(returns(ref))]
pub fn source_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<SourceDef> {
    let Some(ast::Item::Source(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let value = define(db, project, item, tree, &mut reports);
    Checked { value: Some(value), reports: reports.into_vec() }
}

fn define<'db>(
    db: &'db dyn Db,
    project: Project,
    item: Item<'db>,
    tree: &ast::Source,
    reports: &mut Reports,
) -> SourceDef {
    let constants = Constants { db, project, file: item.file(db), item };
    let connector = only_one(&tree.from, |call| call.span, "from", reports)
        .or_else(|| missing(&tree.name, "from", "`from csv(path: \"data.csv\")`", reports));
    let connector = connector.and_then(|call| constants.call("connector", call, reports));
    let stream = only_one(&tree.stream, |call| call.span, "stream", reports);
    let stream = stream.map(|call| constants.call("stream", call, reports));
    let is_static = only_one(&tree.fixed, |span| *span, "static", reports).is_some();
    let retention = only_one(&tree.retention, |length| length.span, "retention", reports);
    let retention = retention.and_then(|length| Some((positive(*length, reports)?, length.span)));
    check_static(tree, reports);
    let table = columns::table(&constants, tree, reports);
    let time = time_column(tree, &table, reports);
    let key = key_columns(tree, &table, reports);
    let owner = format!("the source `{}`", tree.name.text);
    let dated = availability::table(&constants, tree, &owner, table, time.as_ref(), reports);
    if let (Some(time), Some(column)) =
        (&time, time.as_ref().and_then(|time| dated.columns.iter().find(|column| column.name == time.text)))
        && let Known::At(known) = &column.known
    {
        let message = format!("`{}` is the time of a row, but it becomes known later, at `{}`", time.text, known.text);
        let item = reports.item().clone();
        reports
            .error("E0404", time.span, message, "a row cannot be placed before it is known")
            .also(&item, column.known_span.unwrap_or(column.span), column.becomes_known(known))
            .help("take a time that is known with the row");
    }
    let expected = expectations::expectations(&constants, tree, &owner, &dated.columns, reports);

    let lateness = tree.time.first().and_then(|time| Some((time.lateness?, time.span)));
    let lateness = lateness.and_then(|(value, span)| positive(ast::Spanned { value, span }, reports));

    let node = connector.filter(|_| !reports.has_errors()).map(|(connector, _)| mlsys_plan::Source {
        name: tree.name.text.clone(),
        connector,
        stream: stream.flatten().map(|(stream, _)| stream),
        schema: dated.schema.clone(),
        derived: dated.derived.clone(),
        time: time.as_ref().map(|time| time.text.clone()),
        lateness,
        retention: retention.map(|(length, _)| length),
        key: key.clone(),
        known_at: dated.known_at,
        expectations: expected.rows,
        checks: expected.table,
    });
    SourceDef {
        item: item.reference(db),
        name: tree.name.text.clone(),
        name_span: tree.name.span,
        intact: item.is_intact(db),
        columns: dated.columns,
        key,
        is_static,
        has_stream: !tree.stream.is_empty(),
        retention,
        node,
        derived: dated.derived,
        timeline: dated.timeline,
    }
}

/// A table without time has no history to look back on, and nothing that comes later.
fn check_static(tree: &ast::Source, reports: &mut Reports) {
    let Some(fixed) = tree.fixed.first() else { return };
    let timed = tree.time.first().map(|time| ("time", time.span));
    let live = tree.stream.first().map(|stream| ("stream", stream.span));
    let kept = tree.retention.first().map(|length| ("retention", length.span));
    let late = tree.columns.iter().find_map(|column| column.known_at.as_ref()).map(|known| ("known at", known.span));
    if let Some((clause, span)) = timed.or(live).or(kept).or(late) {
        let item = reports.item().clone();
        let message = format!("`{}` is static: its rows have no time, so `{clause}` says nothing", tree.name.text);
        reports
            .error("E0409", span, message, "needs a time")
            .also(&item, *fixed, "said to be static here")
            .help("remove `static` if the table changes with time, otherwise this clause");
    }
    if tree.key.is_empty() {
        missing::<()>(&tree.name, "key", "`key product_id`: a static table is read by its key", reports);
    }
}

fn time_column(tree: &ast::Source, table: &columns::Table, reports: &mut Reports) -> Option<ast::Name> {
    let time = only_one(&tree.time, |time| time.span, "time", reports)?;
    let scope = table.scope_columns();
    let name = &time.column;
    let Some(column) = scope.iter().find(|column| column.name == name.text) else {
        let near = nearest(&name.text, scope.iter().map(|column| column.name.as_str()));
        let message = format!("the source `{}` has no column `{}`", tree.name.text, name.text);
        reports.error("E0202", name.span, message, "no such column").did_you_mean(near);
        return None;
    };
    let ty = column.ty.clone()?;
    if ty.ty != Type::Timestamp {
        let message = format!("the time of a row is a timestamp, `{}` is {}", name.text, a(&ty));
        reports
            .error("E0315", name.span, message, format!("this is {}", a(&ty)))
            .help("name a timestamp column, or derive one");
        return None;
    }
    if ty.nullable {
        reports
            .error(
                "E0315",
                name.span,
                format!("the time of a row is never missing, `{}` may be", name.text),
                "may be missing",
            )
            .help("use a column that every row has, or leave rows without it out of the source");
        return None;
    }
    Some(name.clone())
}

fn key_columns(tree: &ast::Source, table: &columns::Table, reports: &mut Reports) -> Vec<String> {
    let Some(names) =
        only_one(&tree.key, |names| names.first().map_or(tree.name.span, |name| name.span), "key", reports)
    else {
        return Vec::new();
    };
    let scope = table.scope_columns();
    let mut key = Vec::new();
    for name in names {
        if !scope.iter().any(|column| column.name == name.text) {
            let near = nearest(&name.text, scope.iter().map(|column| column.name.as_str()));
            let message = format!("the source `{}` has no column `{}`", tree.name.text, name.text);
            reports
                .error("E0202", name.span, message, "no such column")
                .help("a key names columns of the source")
                .did_you_mean(near);
        } else if key.contains(&name.text) {
            reports.error(
                "E0203",
                name.span,
                format!("`{}` is named twice in `key`", name.text),
                "named a second time",
            );
        } else {
            key.push(name.text.clone());
        }
    }
    key
}

impl Column {
    /// What is to be said where the column is made late.
    pub(crate) fn becomes_known(&self, known: &crate::known::Moment) -> String {
        if self.derived {
            return format!("`{}` reads a value that is known at `{}`", self.name, known.text);
        }
        format!("`{}` becomes known at `{}`", self.name, known.text)
    }
}

impl SourceDef {
    /// The column of that name.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A scope with this source's columns.
    pub(crate) fn scope<'db>(&self, constants: &Constants<'db>) -> Scope<'db> {
        Scope::constant(constants.db, constants.project, constants.file)
            .with_columns(format!("the source `{}`", self.name), "column", scope_columns(&self.columns))
            .complete(self.intact)
            .inside(constants.item)
    }
}

pub(crate) fn scope_columns(columns: &[Column]) -> Vec<ScopeColumn> {
    let scoped = |column: &Column| ScopeColumn { name: column.name.clone(), ty: column.ty.clone(), pii: column.pii };
    columns.iter().map(scoped).collect()
}

/// The one clause of its kind; a second one is an error.
pub(crate) fn only_one<'a, T>(
    clauses: &'a [T],
    span: impl Fn(&T) -> Span,
    keyword: &str,
    reports: &mut Reports,
) -> Option<&'a T> {
    let first = clauses.first()?;
    if let Some(second) = clauses.get(1) {
        let item = reports.item().clone();
        reports
            .error("E0210", span(second), format!("`{keyword}` is written twice"), "written a second time")
            .also(&item, span(first), "first written here")
            .help("remove one of them");
    }
    Some(first)
}

/// Reports a clause that must be there.
pub(crate) fn missing<T>(name: &ast::Name, clause: &str, example: &str, reports: &mut Reports) -> Option<T> {
    reports
        .error("E0209", name.span, format!("`{}` has no `{clause}`", name.text), format!("needs the clause `{clause}`"))
        .help(format!("add one, such as {example}"));
    None
}
