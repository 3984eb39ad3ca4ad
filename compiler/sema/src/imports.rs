//! `use`: names taken over from other modules.

use mlsys_diagnostics::nearest;
use mlsys_syntax::{Kind, ast};

use crate::db::{Checked, Db, Item, Project, SourceFile, Word, exported, file_of, items, names_of_kind};
use crate::report::Reports;

/// The declaration that a `use` of the file takes over under that name.
pub(crate) fn imported<'db>(db: &'db dyn Db, project: Project, file: SourceFile, word: Word<'db>) -> Option<Item<'db>> {
    for (_, tree) in uses(db, file) {
        if tree.names.iter().any(|name| name.text == word.text(db)) {
            return find(db, project, &path(tree), word);
        }
    }
    None
}

/// Whether a `use` of the file names this, whether or not there is such a thing: what is wrong with it is said there.
pub(crate) fn mentions(db: &dyn Db, file: SourceFile, name: &str) -> bool {
    uses(db, file).any(|(_, tree)| tree.names.iter().any(|known| known.text == name))
}

/// Reports modules that are not there and names that they do not declare.
pub(crate) fn check<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Checked<()> {
    let Some(ast::Item::Use(tree)) = item.tree(db) else { return Checked::silent() };
    let mut reports = Reports::on(item.reference(db));
    let path = path(tree);
    let Some(span) = tree.path.iter().map(|name| name.span).reduce(mlsys_diagnostics::Span::to) else {
        return Checked::silent();
    };
    if let Some(file) = file_of(db, project, &path) {
        for name in &tree.names {
            if find(db, project, &path, Word::new(db, name.text.clone())).is_none() {
                let known = known_names(db, file);
                reports
                    .error(
                        "E0206",
                        name.span,
                        format!("`{path}` does not declare `{}`", name.text),
                        "not declared there",
                    )
                    .help(format!("it declares {}", crate::scope::listed(&known)))
                    .did_you_mean(nearest(&name.text, known));
            }
        }
    } else {
        let modules: Vec<&str> = project.library(db).iter().map(|file| file.module(db)).collect();
        let near = nearest(&path, modules.iter().copied());
        let report = reports.error("E0206", span, format!("there is no module `{path}`"), "no such module");
        if near.is_some() {
            report.did_you_mean(near);
        } else {
            report.help(format!(
                "a module is a file: `{}.mlsys` beside this one, or one of {}",
                path.replace('.', "/"),
                modules.join(", ")
            ));
        }
    }
    Checked { value: Some(()), reports: reports.into_vec() }
}

/// Whether the file takes a name over from a module that is none there but near to this one.
pub(crate) fn is_misspelt(db: &dyn Db, project: Project, file: SourceFile, module: &str, name: &str) -> bool {
    let names = uses(db, file).filter(|(_, tree)| path(tree) == module).flat_map(|(_, tree)| &tree.names);
    let mut unknown = names.filter(|each| find(db, project, module, Word::new(db, each.text.clone())).is_none());
    unknown.any(|each| nearest(&each.text, [name]).is_some())
}

/// The change that takes a name over from a module: where, and what is written there.
pub(crate) fn added(
    db: &dyn Db,
    file: SourceFile,
    module: &str,
    name: &str,
) -> Option<(crate::db::ItemRef, mlsys_diagnostics::Span, String)> {
    let own = uses(db, file).find(|(_, tree)| path(tree) == module);
    if let Some((item, last)) = own.and_then(|(item, tree)| Some((item, tree.names.last()?.span))) {
        let end = last.end as usize;
        return Some((item.reference(db), mlsys_diagnostics::Span::new(end, end), format!(", {name}")));
    }
    let first = items(db, file).first()?;
    let line = if first.kind(db) == Some(Kind::Use) { "\n" } else { "\n\n" };
    Some((first.reference(db), mlsys_diagnostics::Span::new(0, 0), format!("use {module}.{{{name}}}{line}")))
}

fn uses<'db>(db: &'db dyn Db, file: SourceFile) -> impl Iterator<Item = (Item<'db>, &'db ast::Use)> {
    items(db, file).iter().filter(|item| item.kind(db) == Some(Kind::Use)).filter_map(|item| match item.tree(db) {
        Some(ast::Item::Use(tree)) => Some((*item, tree)),
        _ => None,
    })
}

fn path(tree: &ast::Use) -> String {
    let names: Vec<&str> = tree.path.iter().map(|name| name.text.as_str()).collect();
    names.join(".")
}

/// A declaration of a module, or an extern function of the library.
pub(crate) fn find<'db>(db: &'db dyn Db, project: Project, path: &str, word: Word<'db>) -> Option<Item<'db>> {
    exported(db, project, path, word).or_else(|| {
        let file = file_of(db, project, path)?;
        items(db, file)
            .iter()
            .copied()
            .find(|item| item.kind(db) == Some(Kind::Extern) && item.name(db) == word.text(db))
    })
}

fn known_names(db: &dyn Db, file: SourceFile) -> Vec<&str> {
    let externs = items(db, file).iter().filter(|item| item.kind(db) == Some(Kind::Extern)).map(|item| item.name(db));
    let kinds = [Kind::Function, Kind::Param, Kind::Entity, Kind::Source, Kind::Features, Kind::Model];
    externs.chain(kinds.into_iter().flat_map(|kind| names_of_kind(db, file, kind))).collect()
}
