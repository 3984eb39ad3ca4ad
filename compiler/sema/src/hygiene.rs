//! Hygiene: what a program without errors still leaves lying about.
//!
//! These warnings look at the program as a whole. Each rests on small queries on single declarations, so that an edit
//! computes few of them again.

mod meanings;
mod unused;

use std::collections::BTreeSet;

use mlsys_diagnostics::{Diagnostic, Span};
use mlsys_syntax::{Kind, ast};

use crate::db::{Db, Item, Project, items};
use crate::program::absolute;
use crate::report::{Report, Reports};

/// Warnings on a program that has no errors, in order of their place.
pub fn hygiene(db: &dyn Db, project: Project) -> Vec<Diagnostic> {
    let mut diagnostics: Vec<Diagnostic> =
        reports(db, project).iter().map(|report| absolute(db, project, report)).collect();
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.place));
    diagnostics
}

#[salsa::tracked(returns(deref))]
fn reports(db: &dyn Db, project: Project) -> Vec<Report> {
    let mut found = Vec::new();
    // A file of definitions alone is a library: others use what it declares.
    if of_kind(db, project, Kind::Model).next().is_some() {
        found.extend(unused::unused(db, project));
        found.extend(meanings::repeated(db, project));
    }
    found.extend(without_gates(db, project));
    found.extend(without_monitor(db, project));
    found
}

/// The program's own declarations of a kind.
fn of_kind<'db>(db: &'db dyn Db, project: Project, kind: Kind) -> impl Iterator<Item = Item<'db>> {
    let all = project.files(db).iter().flat_map(|file| items(db, *file)).copied();
    all.filter(move |item| item.kind(db) == Some(kind))
}

/// Models that are registered whatever they are worth.
fn without_gates(db: &dyn Db, project: Project) -> Vec<Report> {
    let mut found = Vec::new();
    for item in of_kind(db, project, Kind::Model) {
        let Some(ast::Item::Model(model)) = item.tree(db) else { continue };
        if model.require.is_empty() {
            let message = format!("`{}` has no gate: every version is registered, however bad it is", model.name.text);
            found.extend(warning(db, item, "W0601", model.name.span, message, "no `require`", |report| {
                report.help("say what it must reach: `require test.METRIC >= …`");
            }));
        }
    }
    found
}

/// Deployments that answer all day and that nobody watches.
fn without_monitor(db: &dyn Db, project: Project) -> Vec<Report> {
    let mut watched = BTreeSet::new();
    for item in of_kind(db, project, Kind::Monitor) {
        if let Some(ast::Item::Monitor(monitor)) = item.tree(db) {
            watched.extend(monitor.watch.iter().map(|name| name.text.as_str()));
        }
    }
    let mut found = Vec::new();
    for item in of_kind(db, project, Kind::Deployment) {
        let Some(ast::Item::Deployment(deployment)) = item.tree(db) else { continue };
        let runs = !deployment.serve.is_empty() || deployment.score.iter().any(|score| score.stream);
        if runs && !watched.contains(deployment.name.text.as_str()) {
            let message = format!("nothing watches `{}`: it may be wrong for weeks", deployment.name.text);
            found.extend(warning(db, item, "W0602", deployment.name.span, message, "has no monitor", |report| {
                report.help(format!(
                    "add one: `monitor NAME {{ watch {}  when psi(inputs.*) > 0.25 over 7d then … }}`",
                    deployment.name.text
                ));
            }));
        }
    }
    found
}

/// One warning on a declaration.
fn warning(
    db: &dyn Db,
    item: Item<'_>,
    code: &'static str,
    span: Span,
    message: String,
    label: &str,
    finish: impl FnOnce(&mut Report),
) -> Vec<Report> {
    let mut reports = Reports::on(item.reference(db));
    finish(reports.warning(code, span, message, label));
    reports.into_vec()
}
