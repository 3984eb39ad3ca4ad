//! Names of declarations: what they stand for, or why they cannot.

use mlsys_diagnostics::nearest;
use mlsys_syntax::{Kind, ast};

use crate::args::Constants;
use crate::db::{Item, Word, lookup, lost, names_of_kind};
use crate::report::Reports;

/// The declaration of that kind that a name stands for, or a report that there is none.
pub(crate) fn refer<'db>(
    constants: &Constants<'db>,
    name: &ast::Name,
    kind: Kind,
    reports: &mut Reports,
) -> Option<Item<'db>> {
    let db = constants.db;
    let found = lookup(db, constants.project, constants.file, Word::new(db, name.text.clone()));
    match found {
        Some(item) if item.kind(db) == Some(kind) => Some(item),
        Some(item) => {
            let other = item.kind(db).map_or("a declaration", noun);
            let message = format!("`{}` is {other}, {} is needed here", name.text, noun(kind));
            let known = names_of_kind(db, constants.file, kind);
            let near = nearest(&name.text, known.iter().copied());
            let report = reports.error("E0207", name.span, message, format!("this is {other}"));
            report.help(format!("there is {}", crate::scope::listed(&known))).did_you_mean(near);
            None
        }
        None if crate::imports::mentions(db, constants.file, &name.text) || lost(db, constants.file, &name.text) => {
            None
        }
        None => {
            let known = names_of_kind(db, constants.file, kind);
            let message = format!(
                "there is no {} `{}`",
                noun(kind).trim_start_matches("an ").trim_start_matches("a "),
                name.text
            );
            let near = nearest(&name.text, known.iter().copied());
            let report = reports.error("E0201", name.span, message, "not declared");
            if near.is_some() {
                report.did_you_mean(near);
            } else if known.is_empty() {
                report.help(format!("declare it: `{} {} {{ … }}`", kind.keyword(), name.text));
            } else {
                report.help(format!("there is {}", crate::scope::listed(&known)));
            }
            None
        }
    }
}

/// A kind of declaration in a sentence.
pub(crate) fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Param => "a parameter",
        Kind::Entity => "an entity",
        Kind::Source => "a source",
        Kind::Features => "a feature group",
        Kind::Model => "a model",
        Kind::Deployment => "a deployment",
        Kind::Monitor => "a monitor",
        Kind::Function => "a function",
        Kind::Extern => "a library entry",
        Kind::Test => "a test",
        Kind::Use => "a use",
    }
}
