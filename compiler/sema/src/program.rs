//! Checks of items and files: where relative reports become diagnostics.

use std::collections::BTreeMap;

use mlsys_diagnostics::{Diagnostic, Edit, Fix, Label, Place, Span};
use mlsys_syntax::Kind;

use crate::db::{Db, Item, ItemRef, Project, SourceFile, items, parsed};
use crate::report::{Report, Reports};

/// What is wrong with the meaning of a declaration.
#[salsa::tracked(returns(deref))]
pub fn check_item<'db>(db: &'db dyn Db, project: Project, item: Item<'db>) -> Vec<Report> {
    match item.kind(db) {
        Some(Kind::Param) => crate::param::param_of(db, project, item).reports.clone(),
        Some(Kind::Entity) => crate::entity::entity_of(db, item).reports.clone(),
        Some(Kind::Source) => crate::source::source_of(db, project, item).reports.clone(),
        Some(Kind::Features) => crate::features::features_of(db, project, item).reports.clone(),
        Some(Kind::Model) => crate::model::model_of(db, project, item).reports.clone(),
        Some(Kind::Deployment) => crate::deployment::deployment_of(db, project, item).reports.clone(),
        Some(Kind::Monitor) => crate::monitor::monitor_of(db, project, item).reports.clone(),
        Some(Kind::Function | Kind::Extern) => crate::function::check(db, project, item),
        Some(Kind::Test) => crate::test::test_of(db, project, item).reports.clone(),
        Some(Kind::Use) => crate::imports::check(db, project, item).reports,
        None => Vec::new(),
    }
}

/// Names that two declarations of a file share.
#[salsa::tracked(returns(deref))]
fn check_names<'db>(db: &'db dyn Db, file: SourceFile) -> Vec<Report> {
    let mut first: BTreeMap<&str, Item<'db>> = BTreeMap::new();
    let mut reports = Vec::new();
    for item in items(db, file) {
        let named = !matches!(item.kind(db), None | Some(Kind::Use | Kind::Test | Kind::Extern));
        let Some(name) = item.tree(db).and_then(mlsys_syntax::ast::Item::name).filter(|_| named) else { continue };
        if let Some(earlier) = first.get(name.text.as_str()) {
            let place =
                earlier.tree(db).and_then(mlsys_syntax::ast::Item::name).map_or(Span::default(), |name| name.span);
            let mut of_item = Reports::on(item.reference(db));
            of_item
                .error("E0203", name.span, format!("`{}` is declared twice", name.text), "declared a second time")
                .also(&earlier.reference(db), place, "first declared here")
                .help("give one of them another name: all declarations of a program share one space of names");
            reports.extend(of_item.into_vec());
        } else {
            first.insert(&name.text, *item);
        }
    }
    reports.extend(imported_twice(db, file, &first));
    reports
}

/// Names that a file takes over and has already: which one is meant?
fn imported_twice<'db>(db: &'db dyn Db, file: SourceFile, own: &BTreeMap<&str, Item<'db>>) -> Vec<Report> {
    let name_of = |item: Item<'db>| item.tree(db).and_then(mlsys_syntax::ast::Item::name);
    let mut taken: BTreeMap<&str, (Item<'db>, Span)> = own
        .iter()
        .map(|(name, item)| (*name, (*item, name_of(*item).map_or(Span::default(), |name| name.span))))
        .collect();
    let mut reports = Vec::new();
    for item in items(db, file) {
        let Some(mlsys_syntax::ast::Item::Use(tree)) = item.tree(db) else { continue };
        for name in &tree.names {
            let Some((earlier, span)) = taken.get(name.text.as_str()) else {
                taken.insert(&name.text, (*item, name.span));
                continue;
            };
            let mut of_item = Reports::on(item.reference(db));
            of_item
                .error(
                    "E0203",
                    name.span,
                    format!("`{}` is taken over, but it is there already", name.text),
                    "which one?",
                )
                .also(&earlier.reference(db), *span, "there already")
                .help("remove it from the `use`, or give the other one another name");
            reports.extend(of_item.into_vec());
        }
    }
    reports
}

/// The kinds of declarations that become nodes of the plan: their names are the nodes' names, whatever file they stand in.
const NODES: [Kind; 5] = [Kind::Source, Kind::Features, Kind::Model, Kind::Deployment, Kind::Monitor];

/// Names that declarations of several files share, although all of them become nodes of one plan.
pub fn check_project(db: &dyn Db, project: Project) -> Vec<Diagnostic> {
    shared_names(db, project).iter().map(|report| absolute(db, project, report)).collect()
}

#[salsa::tracked(returns(deref))]
fn shared_names(db: &dyn Db, project: Project) -> Vec<Report> {
    let mut first: BTreeMap<&str, Item<'_>> = BTreeMap::new();
    let mut reports = Vec::new();
    let all = project.files(db).iter().flat_map(|file| items(db, *file));
    for item in all.filter(|item| item.kind(db).is_some_and(|kind| NODES.contains(&kind))) {
        let Some(earlier) = first.get(item.name(db)).copied() else {
            first.insert(item.name(db), *item);
            continue;
        };
        // Within one file this is told with all other names.
        if earlier.file(db) == item.file(db) {
            continue;
        }
        let span = |item: Item<'_>| {
            item.tree(db).and_then(mlsys_syntax::ast::Item::name).map_or(Span::default(), |name| name.span)
        };
        let mut of_item = Reports::on(item.reference(db));
        of_item
            .error(
                "E0203",
                span(*item),
                format!("`{}` is declared in two files", item.name(db)),
                "declared a second time",
            )
            .also(&earlier.reference(db), span(earlier), "first declared here")
            .help("give one of them another name: what a program computes and serves goes by one name");
        reports.extend(of_item.into_vec());
    }
    reports
}

/// Every problem of a file: form, names and meaning, in order of their place.
pub fn check_file(db: &dyn Db, project: Project, file: SourceFile) -> Vec<Diagnostic> {
    let reports = file_reports(db, project, file);
    let mut diagnostics: Vec<Diagnostic> = reports.iter().map(|report| absolute(db, project, report)).collect();
    diagnostics.sort_by_key(|diagnostic| diagnostic.labels.first().map(|label| label.place));
    diagnostics
}

/// The reports on a file, so that a file that nothing has touched is looked at once and not declaration by declaration.
#[salsa::tracked(returns(deref))]
fn file_reports(db: &dyn Db, project: Project, file: SourceFile) -> Vec<Report> {
    let mut found = Vec::new();
    for item in items(db, file) {
        let mut form = Reports::on(item.reference(db));
        for error in &parsed(db, *item).errors {
            let report = form.error(error.code, error.span, error.message.clone(), error.label.clone());
            if let Some(help) = &error.help {
                report.help(help.clone());
            }
        }
        found.extend(form.into_vec());
        // A declaration that could not be read whole is not blamed for what it lacks.
        if item.is_intact(db) {
            found.extend(check_item(db, project, *item).iter().cloned());
        }
    }
    found.extend(check_names(db, file).iter().cloned());
    found
}

pub(crate) fn absolute(db: &dyn Db, project: Project, report: &Report) -> Diagnostic {
    let at = |item: &ItemRef, span| item.find(db, project).map(|item| place(db, item, span));
    let labels = report
        .labels
        .iter()
        .filter_map(|label| Some(Label { place: at(&label.item, label.span)?, text: label.text.clone() }));
    let fix = report.fix.as_ref().and_then(|fix| {
        let item = fix.item.find(db, project)?;
        let edit = Edit { place: place(db, item, fix.span), text: fix.text.clone() };
        // A name with one wrong letter was meant to be the one that it is next to.
        let written = item.text(db).get(fix.span.range()).unwrap_or_default();
        let sure = fix.sure || (!written.is_empty() && mlsys_diagnostics::is_slip(written, &fix.text));
        Some(Fix { title: fix.title.clone(), sure, edits: vec![edit] })
    });
    Diagnostic {
        code: report.code,
        severity: report.severity,
        message: report.message.clone(),
        labels: labels.collect(),
        help: report.help.clone(),
        fix,
    }
}

fn place(db: &dyn Db, item: Item<'_>, span: Span) -> Place {
    Place { file: item.file(db).id(db), span: span.shifted(item.offset(db)) }
}
