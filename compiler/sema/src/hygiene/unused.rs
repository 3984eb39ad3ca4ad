//! Declarations that nothing mentions, and features that no model reads.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use mlsys_diagnostics::Span;
use mlsys_plan::{ExprKind, Operation};
use mlsys_syntax::{Kind, ast};

use super::{of_kind, warning};
use crate::db::{Db, Item, Project, SourceFile, Word, items};
use crate::features::features_of;
use crate::model::model_of;
use crate::report::Report;
use crate::scope::listed;
use crate::source::source_of;

/// The kinds of declarations that exist to be used.
const USED: [Kind; 5] = [Kind::Param, Kind::Entity, Kind::Source, Kind::Features, Kind::Function];

pub(super) fn unused(db: &dyn Db, project: Project) -> Vec<Report> {
    project.files(db).iter().flat_map(|file| unused_in_file(db, project, *file)).cloned().collect()
}

/// What is not used of a file's declarations. An edit elsewhere changes nothing here, unless it changes what is taken over.
#[salsa::tracked(returns(deref))]
fn unused_in_file(db: &dyn Db, project: Project, file: SourceFile) -> Vec<Report> {
    let mut found = Vec::new();
    for item in items(db, file).iter().filter(|item| item.kind(db).is_some_and(|kind| USED.contains(&kind))) {
        if !is_used(db, project, *item) {
            found.extend(report(db, *item));
        } else if item.kind(db) == Some(Kind::Features) {
            found.extend(unread(db, project, *item).iter().cloned());
        }
    }
    found.extend(unused_imports(db, file));
    found
}

/// Whether another declaration of the file, or a `use` of another file, mentions a declaration.
fn is_used(db: &dyn Db, project: Project, item: Item<'_>) -> bool {
    let wanted = hash(item.name(db));
    let others = items(db, item.file(db)).iter().filter(|other| **other != item);
    others.into_iter().any(|other| words(db, *other).binary_search(&wanted).is_ok())
        || taken_over(db, project).binary_search(&wanted).is_ok()
}

/// The hashes of the names that files take over from each other, sorted.
#[salsa::tracked(returns(deref))]
fn taken_over(db: &dyn Db, project: Project) -> Vec<u64> {
    let uses = of_kind(db, project, Kind::Use);
    let mut names: Vec<u64> = uses.flat_map(|item| words(db, item)).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn report(db: &dyn Db, item: Item<'_>) -> Vec<Report> {
    let Some(name) = item.tree(db).and_then(ast::Item::name) else { return Vec::new() };
    let kind = item.kind(db).map_or("a declaration", crate::refer::noun);
    let message = format!("nothing uses {} `{}`", kind.replacen("a ", "the ", 1).replacen("an ", "the ", 1), name.text);
    warning(db, item, "W0201", name.span, message, "not used", |report| {
        report.help("remove it");
    })
}

/// Names that a `use` takes over and that its file never mentions again.
fn unused_imports(db: &dyn Db, file: SourceFile) -> Vec<Report> {
    let mut found = Vec::new();
    for item in items(db, file) {
        let Some(ast::Item::Use(tree)) = item.tree(db) else { continue };
        for (index, name) in tree.names.iter().enumerate() {
            let wanted = hash(&name.text);
            let others = items(db, file).iter().filter(|other| **other != *item);
            if others.into_iter().all(|other| words(db, *other).binary_search(&wanted).is_err()) {
                let message = format!("nothing in this file uses `{}`", name.text);
                // With the name goes the comma that it is parted by; a `use` of nothing goes as a whole.
                let gone =
                    match (tree.names.get(index + 1), index.checked_sub(1).and_then(|before| tree.names.get(before))) {
                        (Some(next), _) => Span::new(name.span.start as usize, next.span.start as usize),
                        (None, Some(before)) => Span::new(before.span.end as usize, name.span.end as usize),
                        (None, None) => Span::new(0, item.text(db).len()),
                    };
                found.extend(warning(db, *item, "W0201", name.span, message, "not used", |report| {
                    let reference = item.reference(db);
                    report.help("remove it from the `use`").mend("remove it", &reference, gone, "");
                }));
            }
        }
    }
    found
}

/// The hashes of a declaration's words, sorted, each once; comments and text count, so that nothing is called unused that
/// is not.
#[salsa::tracked(returns(deref))]
fn words<'db>(db: &'db dyn Db, item: Item<'db>) -> Vec<u64> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let all: HashSet<&str> = item.text(db).split(|c| !word(c)).filter(|each| !each.is_empty()).collect();
    let mut hashes: Vec<u64> = all.into_iter().map(hash).collect();
    hashes.sort_unstable();
    hashes
}

fn hash(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

/// The features of one group that models and lookups read.
#[salsa::tracked(returns(ref))]
fn read_of_group<'db>(db: &'db dyn Db, project: Project, group: Word<'db>) -> BTreeSet<String> {
    read_features(db, project).get(group.text(db)).cloned().unwrap_or_default()
}

/// The features that models and lookups read, by group.
#[salsa::tracked(returns(ref))]
fn read_features(db: &dyn Db, project: Project) -> BTreeMap<String, BTreeSet<String>> {
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for kind in [Kind::Source, Kind::Features, Kind::Model] {
        for (group, feature) in of_kind(db, project, kind).flat_map(|item| reads(db, project, item)) {
            read.entry(group.clone()).or_default().insert(feature.clone());
        }
    }
    read
}

/// The features that a declaration reads: a model's inputs, and what is looked up.
#[salsa::tracked(returns(deref))]
fn reads<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Vec<(String, String)> {
    let mut read = Vec::new();
    let operation = match item.kind(db) {
        Some(Kind::Source) => {
            source_of(db, project, item).value.as_ref().and_then(|source| source.node.clone()).map(Operation::Source)
        }
        Some(Kind::Features) => {
            features_of(db, project, item).value.as_ref().and_then(|group| group.node.clone()).map(Operation::Features)
        }
        _ => {
            let Some(model) = model_of(db, project, item).value.as_ref() else { return read };
            for group in &model.groups {
                read.extend(group.features.iter().map(|feature| (group.name.clone(), feature.clone())));
            }
            model.nodes.as_ref().map(|nodes| Operation::Observe(nodes.observe.clone()))
        }
    };
    for expr in operation.iter().flat_map(Operation::exprs) {
        expr.visit(&mut |each| {
            if let ExprKind::Lookup { table, column, .. } = &each.kind {
                read.push((table.clone(), column.clone()));
            }
        });
    }
    read
}

/// One warning for all features of a group that no model reads.
#[salsa::tracked(returns(deref))]
fn unread<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Vec<Report> {
    let Some(group) = features_of(db, project, item).value.as_ref() else { return Vec::new() };
    let direct = read_of_group(db, project, Word::new(db, group.name.clone()));
    let direct = direct.iter().map(String::as_str);
    let used = match &group.node {
        Some(node) => node.needed(direct),
        None => direct.collect(),
    };
    let idle: Vec<_> = group.features.iter().filter(|feature| !used.contains(feature.name.as_str())).collect();
    let Some(first) = idle.first() else { return Vec::new() };
    let names: Vec<&str> = idle.iter().map(|feature| feature.name.as_str()).collect();
    let message = match names.len() {
        1 => format!("no model reads the feature `{}` of `{}`", names[0], group.name),
        more => format!("no model reads {more} features of `{}`", group.name),
    };
    warning(db, item, "W0202", first.span, message, &format!("not read: {}", listed(&names)), |report| {
        report.help("remove them, or name them among a model's inputs");
    })
}
