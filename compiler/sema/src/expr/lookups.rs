//! Lookups: `planes[tailnum].seats` reads a source by its key, `airport_weather[origin].wind` a group, as of the row's
//! own time.

use mlsys_diagnostics::{Span, nearest};
use mlsys_plan::{Expr, ExprKind, ValueType};
use mlsys_syntax::{Kind, ast};

use super::coerce::coerce;
use crate::db::{Db, Item, Project, Word, lookup};
use crate::features::features_of;
use crate::known::Known;
use crate::report::{Reports, a};
use crate::scope::{Scope, listed};
use crate::source::source_of;

/// What is known of a table that is looked up.
struct Table {
    /// "the source `planes`".
    owner: String,
    /// The keys with their types.
    keys: Vec<(String, Option<ValueType>)>,
    /// The columns: name, type, whether it is personal data, whether it is known with its row.
    columns: Vec<(String, Option<ValueType>, bool, bool)>,
    /// Whether all columns are known.
    complete: bool,
}

impl<'db> Scope<'db> {
    pub(super) fn lookup(
        &mut self,
        table: &ast::Expr,
        keys: &[ast::Expr],
        column: &ast::Name,
        span: Span,
        reports: &mut Reports,
    ) -> Option<Expr> {
        // Keys are looked at first: what is wrong with them is wrong whatever the table is.
        let typed: Vec<Option<Expr>> = keys.iter().map(|key| self.expr(key, reports)).collect();
        let (name, item) = self.table(table, reports)?;
        let found = self.open(&name, item, table.span, reports)?;
        let keys = fitted(&found, typed, keys, span, reports)?;
        let Some((_, ty, pii, with_row)) = found.columns.iter().find(|(known, ..)| *known == column.text) else {
            if found.complete {
                let known: Vec<&str> = found.columns.iter().map(|(name, ..)| name.as_str()).collect();
                reports
                    .error("E0202", column.span, format!("{} has no column `{}`", found.owner, column.text), "unknown")
                    .help(format!("it has {}", listed(&known)))
                    .did_you_mean(nearest(&column.text, known.iter().copied()));
            }
            return None;
        };
        if !with_row {
            let message = format!("`{}` of {} becomes known later than its row", column.text, found.owner);
            reports
                .error("E0408", span, message, "may not be known yet")
                .help("look up a feature group that sees the row when the value is known: `features … at …`");
            return None;
        }
        if *pii {
            self.reads_personal(format!("{name}.{}", column.text), span);
        }
        let kind = ExprKind::Lookup { table: name, keys, column: column.text.clone() };
        Some(Expr { kind, ty: ty.clone()?.with_nullable(true) })
    }

    /// The source or group that is looked up.
    fn table(&self, table: &ast::Expr, reports: &mut Reports) -> Option<(String, Item<'db>)> {
        let Some(name) = table.as_name() else {
            reports
                .error("E0319", table.span, "only a source or a group can be looked up", "not a table's name")
                .help("name it: `planes[tailnum].seats`");
            return None;
        };
        let found = lookup(self.db, self.project, self.file, Word::new(self.db, name.to_owned()));
        match found {
            Some(item) if matches!(item.kind(self.db), Some(Kind::Source | Kind::Features)) => {
                Some((name.to_owned(), item))
            }
            None if crate::imports::mentions(self.db, self.file, name) || crate::db::lost(self.db, self.file, name) => {
                None
            }
            _ => {
                let kinds = [Kind::Source, Kind::Features];
                let known: Vec<&str> =
                    kinds.into_iter().flat_map(|kind| crate::db::names_of_kind(self.db, self.file, kind)).collect();
                let report =
                    reports.error("E0319", table.span, format!("`{name}` is no source and no group"), "not a table");
                report.help(format!("there is {}", listed(&known))).did_you_mean(nearest(name, known.iter().copied()));
                None
            }
        }
    }

    fn open(&self, name: &str, item: Item<'db>, span: Span, reports: &mut Reports) -> Option<Table> {
        let Some(own) = self.item else {
            reports
                .error("E0319", span, format!("`{name}` cannot be looked up here"), "there is no row to look it up for")
                .help("look it up in a source, a group or a model, and give the value to the function");
            return None;
        };
        if let Some(circle) = circle(self.db, self.project, item, own) {
            // Every declaration on the way around sees the circle: the first one tells of it.
            if circle.iter().all(|each| own.reference(self.db) <= each.reference(self.db)) {
                let message = format!("`{}` needs itself: it looks up `{name}`, which reads it", own.name(self.db));
                reports
                    .error("E0701", span, message, "on the way around")
                    .help("let one of them be computed from something else");
            }
            return None;
        }
        if item.kind(self.db) == Some(Kind::Source) {
            let table = self.open_source(name, item, span, reports)?;
            let is_static = source_of(self.db, self.project, item).value.as_ref().is_some_and(|found| found.is_static);
            (is_static || self.has_time(own, name, span, reports)).then_some(table)
        } else if !self.has_time(own, name, span, reports) {
            None
        } else {
            let group = features_of(self.db, self.project, item).value.as_ref()?;
            let columns =
                group.features.iter().map(|each| (each.name.clone(), each.ty.clone(), each.pii, true)).collect();
            let complete = group.intact && group.broken.is_empty();
            Some(Table { owner: format!("the group `{name}`"), keys: group.keys.clone(), columns, complete })
        }
    }

    /// Whether the rows that ask have a time as of which a table that changes can be looked up.
    fn has_time(&self, own: Item<'db>, name: &str, span: Span, reports: &mut Reports) -> bool {
        let Some(ast::Item::Source(source)) = own.tree(self.db) else { return true };
        let Some(word) = source.fixed.first() else { return true };
        let message = format!("`{name}` changes with time, and the rows of a static source have none");
        reports
            .error("E0319", span, message, "as of when?")
            .also(&own.reference(self.db), *word, "`static` says so")
            .help("look it up where rows have a time: in the source that looks this one up");
        false
    }

    fn open_source(&self, name: &str, item: Item<'db>, span: Span, reports: &mut Reports) -> Option<Table> {
        let source = source_of(self.db, self.project, item).value.as_ref()?;
        if source.key.is_empty() {
            if source.intact {
                let message = format!("the source `{name}` has no `key` to be looked up by");
                reports
                    .error("E0319", span, message, "which row?")
                    .also(&source.item, source.name_span, "has no `key`")
                    .help("give it one: `key COLUMN`");
            }
            return None;
        }
        if source.timeline.is_none() && !source.is_static {
            if source.intact && source.node.is_some() {
                let message = format!("`{name}` has neither a `time` nor is it `static`: which of its rows is meant?");
                reports
                    .error("E0319", span, message, "as of when?")
                    .also(&source.item, source.name_span, "declared here")
                    .help("add `static` if it never changes, otherwise `time COLUMN`");
            }
            return None;
        }
        let ty_of = |key: &String| source.column(key).and_then(|column| column.ty.clone());
        let keys = source.key.iter().map(|key| (key.clone(), ty_of(key))).collect();
        let columns = source
            .columns
            .iter()
            .map(|column| {
                let with_row = source.is_static || column.known == Known::WithRow;
                (column.name.clone(), column.ty.clone(), column.pii, with_row)
            })
            .collect();
        Some(Table { owner: format!("the source `{name}`"), keys, columns, complete: source.intact })
    }
}

/// The keys as the table's types.
fn fitted(
    table: &Table,
    typed: Vec<Option<Expr>>,
    written: &[ast::Expr],
    span: Span,
    reports: &mut Reports,
) -> Option<Vec<Expr>> {
    let typed: Vec<Expr> = typed.into_iter().collect::<Option<_>>()?;
    if typed.len() != table.keys.len() {
        let names: Vec<&str> = table.keys.iter().map(|(name, _)| name.as_str()).collect();
        let message = format!("{} is keyed by {}, here {}", table.owner, listed(&names), counted(typed.len()));
        reports.error("E0319", span, message, "not its keys").help("give every key, in the declared order");
        return None;
    }
    let mut keys = Vec::new();
    for ((expr, (name, ty)), written) in typed.into_iter().zip(&table.keys).zip(written) {
        let ty = ty.as_ref()?;
        match coerce(expr, &ty.ty) {
            Ok(key) => keys.push(key),
            Err(expr) => {
                let message = format!("the key `{name}` of {} is {}, this is {}", table.owner, a(&ty.ty), a(&expr.ty));
                reports
                    .error("E0306", written.span, message, format!("this is {}", a(&expr.ty)))
                    .help("give both the same type");
                return None;
            }
        }
    }
    Some(keys)
}

/// "is 1 key", "are 2 keys".
fn counted(keys: usize) -> String {
    if keys == 1 { "is 1 key".to_owned() } else { format!("are {keys} keys") }
}

/// The declarations on the way from `from` back to `own`, if there is one.
fn circle<'db>(db: &'db dyn Db, project: Project, from: Item<'db>, own: Item<'db>) -> Option<Vec<Item<'db>>> {
    let mut seen: Vec<(Item<'db>, Option<usize>)> = vec![(from, None)];
    let mut next = 0;
    while let Some((here, _)) = seen.get(next).copied() {
        if here == own {
            let mut path = Vec::new();
            let mut at = Some(next);
            while let Some(index) = at {
                path.push(seen[index].0);
                at = seen[index].1;
            }
            return Some(path);
        }
        for table in tables_of(db, project, here) {
            if seen.iter().all(|(known, _)| known != table) {
                seen.push((*table, Some(next)));
            }
        }
        next += 1;
    }
    None
}

/// The tables that a source or a group reads: those it looks up, and a group's source.
#[salsa::tracked(returns(deref))]
fn tables_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Vec<Item<'db>> {
    let mut names: Vec<String> = Vec::new();
    match item.tree(db) {
        Some(ast::Item::Source(source)) => {
            source.derived.iter().for_each(|derived| indexed(&derived.value, &mut names));
        }
        Some(ast::Item::Features(group)) => {
            names.push(group.source.text.clone());
            group.filters.iter().chain(&group.at).for_each(|filter| indexed(filter, &mut names));
            for member in &group.members {
                if let ast::Member::Definition(definition) = member {
                    indexed(&definition.value, &mut names);
                }
            }
        }
        _ => {}
    }
    names.into_iter().filter_map(|name| lookup(db, project, item.file(db), Word::new(db, name))).collect()
}

fn indexed(expr: &ast::Expr, names: &mut Vec<String>) {
    if let ast::ExprKind::Index(base, _) = &expr.kind {
        names.extend(base.as_name().map(str::to_owned));
    }
    expr.children().into_iter().for_each(|child| indexed(child, names));
}
