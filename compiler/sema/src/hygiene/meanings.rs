//! Features that mean the same under two names: equal normal forms.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use mlsys_diagnostics::Span;
use mlsys_plan::{Aggregate, Features};
use mlsys_syntax::Kind;

use super::{of_kind, warning};
use crate::db::{Db, Item, Project};
use crate::features::features_of;
use crate::report::Report;

/// A feature's normal form, hashed, with its name and place.
type Meaning = (u64, String, Span);

/// Only groups that see the same rows can have features of one meaning: most groups are looked at alone.
pub(super) fn repeated(db: &dyn Db, project: Project) -> Vec<Report> {
    let mut same_rows: HashMap<u64, Vec<Item<'_>>> = HashMap::new();
    for item in of_kind(db, project, Kind::Features) {
        if let Some(rows) = rows_of(db, project, item) {
            same_rows.entry(rows).or_default().push(item);
        }
    }
    let mut found = Vec::new();
    for item in of_kind(db, project, Kind::Features) {
        // The first of several groups tells of all of them.
        let others = rows_of(db, project, item).and_then(|rows| same_rows.get(&rows));
        let Some(group) = others.filter(|group| group.first() == Some(&item)) else { continue };
        if group.len() > 1 || has_repetition(db, project, item) {
            found.extend(among(db, project, group));
        }
    }
    found
}

fn among<'db>(db: &'db dyn Db, project: Project, groups: &[Item<'db>]) -> Vec<Report> {
    let mut first: HashMap<u64, (Item<'_>, &str, Span)> = HashMap::new();
    let mut found = Vec::new();
    for item in groups {
        for (meaning, name, span) in meanings(db, project, *item) {
            match first.get(meaning) {
                None => drop(first.insert(*meaning, (*item, name, *span))),
                Some((earlier, other, place)) => {
                    found.extend(report(db, (*item, name, *span), (*earlier, other, *place)));
                }
            }
        }
    }
    found
}

/// Which rows a group sees, hashed.
#[salsa::tracked(returns(copy))]
fn rows_of<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Option<u64> {
    let group = features_of(db, project, item).value.as_ref()?;
    group.node.as_ref().map(|node| hashed(&rows(node)))
}

/// Whether two features of one group mean the same.
#[salsa::tracked(returns(copy))]
fn has_repetition<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> bool {
    let mut forms: Vec<u64> = meanings(db, project, item).iter().map(|(form, ..)| *form).collect();
    forms.sort_unstable();
    forms.windows(2).any(|pair| pair[0] == pair[1])
}

fn report<'db>(
    db: &'db dyn Db,
    (item, name, span): (Item<'db>, &str, Span),
    (earlier, other, place): (Item<'db>, &str, Span),
) -> Vec<Report> {
    let message = format!("`{name}` means the same as `{}.{other}`", earlier.name(db));
    warning(db, item, "W0203", span, message, "computed a second time", |report| {
        report.also(&earlier.reference(db), place, "the same").help("remove one of them");
    })
}

/// The normal forms of a group's features.
#[salsa::tracked(returns(deref))]
fn meanings<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Vec<Meaning> {
    let Some(group) = features_of(db, project, item).value.as_ref() else { return Vec::new() };
    let Some(node) = &group.node else { return Vec::new() };
    let mut forms: HashMap<&str, u64> = HashMap::new();
    for aggregate in &node.aggregates {
        forms.insert(&aggregate.name, hashed(&(rows(node), aggregate_form(aggregate))));
    }
    for derived in &node.derived {
        let mut parts = Vec::new();
        derived.expr.visit_columns(&mut |name| parts.push(forms.get(name).copied()));
        // Columns are told by what they mean, not by what they are called.
        let shape = derived.expr.clone().with_columns(&|name| {
            forms.get(name).map(|form| mlsys_plan::Expr::column(form.to_string(), derived.expr.ty.clone()))
        });
        forms.insert(&derived.name, hashed(&(shape.to_string(), parts, rows(node))));
    }
    let all = group.features.iter().filter_map(|feature| Some((*forms.get(feature.name.as_str())?, feature)));
    all.map(|(form, feature)| (form, feature.name.clone(), feature.span)).collect()
}

/// Which rows a group sees, and when.
fn rows(node: &Features) -> String {
    let keys: Vec<&str> = node.keys.iter().map(|key| key.column.as_str()).collect();
    let filter = node.filter.as_ref().map(ToString::to_string);
    format!("{}|{keys:?}|{}|{}|{filter:?}", node.entity, node.source, node.at)
}

fn aggregate_form(aggregate: &Aggregate) -> String {
    let argument = aggregate.argument.as_ref().map(ToString::to_string);
    let filter = aggregate.filter.as_ref().map(ToString::to_string);
    let (function, args, window) = (&aggregate.function, &aggregate.args, aggregate.window);
    format!("{function}|{argument:?}|{args:?}|{filter:?}|{window}|{:?}|{}", aggregate.step, aggregate.offset)
}

fn hashed(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
