//! Declarations that nothing mentions, and features that no model reads.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use mlsys_diagnostics::Span;
use mlsys_plan::{ExprKind, Operation};
use mlsys_syntax::{Kind, ast};

use super::{of_kind, warning};
use crate::db::{Db, Item, Project, SourceFile, items};
use crate::features::{GroupDef, features_of};
use crate::model::model_of;
use crate::report::Report;
use crate::scope::listed;
use crate::source::source_of;

/// The kinds of declarations that exist to be used.
const USED: [Kind; 5] = [Kind::Param, Kind::Entity, Kind::Source, Kind::Features, Kind::Function];

pub(super) fn unused(db: &dyn Db, project: Project) -> Vec<Report> {
    let mut found = Vec::new();
    let mentions = mentions(db, project);
    let mut idle = BTreeSet::new();
    for item in USED.into_iter().flat_map(|kind| of_kind(db, project, kind)) {
        // A declaration mentions itself once.
        if mentions.get(&hash(item.name(db))).is_none_or(|count| *count <= 1) {
            idle.insert(item.name(db));
            found.extend(report(db, item));
        }
    }
    found.extend(project.files(db).iter().flat_map(|file| unused_imports(db, *file)));
    let read = read_features(db, project);
    for item in of_kind(db, project, Kind::Features).filter(|item| !idle.contains(item.name(db))) {
        found.extend(unread(db, project, item, read));
    }
    found
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

/// In how many declarations each declared name stands.
fn mentions(db: &dyn Db, project: Project) -> HashMap<u64, usize> {
    let declared = USED.into_iter().flat_map(|kind| of_kind(db, project, kind));
    let mut count: HashMap<u64, usize> = declared.map(|item| (hash(item.name(db)), 0)).collect();
    for item in project.files(db).iter().flat_map(|file| items(db, *file)) {
        for word in words(db, *item) {
            if let Some(count) = count.get_mut(word) {
                *count += 1;
            }
        }
    }
    count
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
            for (group, features) in &model.groups {
                read.extend(features.iter().map(|feature| (group.clone(), feature.clone())));
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
fn unread(db: &dyn Db, project: Project, item: Item<'_>, read: &BTreeMap<String, BTreeSet<String>>) -> Vec<Report> {
    let Some(group) = features_of(db, project, item).value.as_ref() else { return Vec::new() };
    let empty = BTreeSet::new();
    let direct = read.get(&group.name).unwrap_or(&empty);
    let used = with_siblings(group, direct);
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

/// A feature that another one is computed from is used with it.
fn with_siblings<'a>(group: &'a GroupDef, direct: &'a BTreeSet<String>) -> BTreeSet<&'a str> {
    let mut used: BTreeSet<&str> = direct.iter().map(String::as_str).collect();
    let Some(node) = &group.node else { return used };
    // Derived features stand after those they read: from the back one pass is enough.
    for derived in node.derived.iter().rev() {
        if used.contains(derived.name.as_str()) {
            derived.expr.visit_columns(&mut |name| {
                used.insert(name);
            });
        }
    }
    used
}
