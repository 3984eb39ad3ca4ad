//! `mlsysc models show`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use mlsys_engine::models::{Card, Detail, Entry, what_happened};
use mlsys_engine::{GateResult, RunError};
use mlsys_plan::Part;
use serde_json::json;

use super::{Exit, Named, Place, failure, named, table};
use crate::commands::run::behaviours;

/// How many lines of the history are shown.
const LATEST: usize = 10;

#[derive(Args)]
pub(super) struct Arguments {
    /// MODEL, MODEL@ALIAS or MODEL@VERSION; without one the champion
    #[arg(value_parser = named)]
    version: Named,
    #[command(flatten)]
    place: Place,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// Print a model card: Markdown with the front matter of the Hugging Face Hub
    #[arg(long, conflicts_with = "json")]
    card: bool,
    /// Write a page with charts, which needs nothing but itself, to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "card"])]
    html: Option<PathBuf>,
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Named { model, which } = &arguments.version;
    arguments.place.with_model(model, async |models| {
        let detail = models.detail(model, which).await?;
        if arguments.card || arguments.html.is_some() {
            return report(&models.card(&detail).await?, arguments.html.as_deref());
        }
        let history = models.history(model).await?;
        if arguments.json {
            let all = json!({ "version": detail, "history": history });
            println!("{}", serde_json::to_string_pretty(&all).unwrap_or_default());
        } else {
            print(&detail, &history, models.folder(&detail.version).as_deref());
        }
        Ok(())
    })
}

/// Writes the page, or prints the card where there is no file for one.
fn report(card: &Card, page: Option<&Path>) -> Result<(), RunError> {
    let Some(path) = page else {
        print!("{}", mlsys_report::card(card));
        return Ok(());
    };
    fs::write(path, mlsys_report::html(card)).map_err(|error| {
        let message = format!("cannot write `{}`: {error}", path.display());
        failure("E0911", message, "name another file")
    })?;
    println!("version {} of {} is shown in {}", card.version, card.model, path.display());
    Ok(())
}

fn print(detail: &Detail, history: &[Entry], folder: Option<&Path>) {
    let version = &detail.version;
    let aliases =
        if version.aliases.is_empty() { String::new() } else { format!("  ({})", version.aliases.join(", ")) };
    println!("{} version {}{aliases}\n", detail.model, version.version);
    let files = match (&version.removed_at, folder.filter(|folder| folder.is_dir())) {
        (_, Some(folder)) => folder.display().to_string(),
        (Some(at), None) => format!("removed at {at}"),
        (None, None) => "not on this machine".to_owned(),
    };
    let mut lines = vec![
        vec!["registered".to_owned(), version.created_at.clone()],
        vec!["task".to_owned(), detail.report.task.name().to_owned()],
        vec!["training".to_owned(), short(&version.training)],
        vec!["plan".to_owned(), short(&detail.plan)],
        vec!["seed".to_owned(), detail.seed.to_string()],
        vec!["files".to_owned(), files],
    ];
    if let Some(lineage) = &detail.lineage {
        lines.extend(lineage.commit.iter().map(|commit| vec!["commit".to_owned(), commit.clone()]));
        lines.extend(lineage.sources.iter().map(|(name, data)| vec![format!("source {name}"), short(data)]));
        lines.extend(lineage.groups.iter().map(|(name, made)| vec![format!("group {name}"), short(made)]));
        lines.push(vec!["inputs".to_owned(), lineage.inputs.join(", ")]);
    }
    table::print(&lines, &[]);
    metrics(detail);
    folds(detail);
    importance(detail);
    gates(detail);
    tests(detail);
    println!("\nhistory");
    let latest: Vec<Vec<String>> = history.iter().take(LATEST).map(entry).collect();
    table::print(&latest, &[]);
}

fn metrics(detail: &Detail) {
    for part in [Part::Validate, Part::Test] {
        let Some(report) = detail.report.parts.get(&part).filter(|report| report.rows > 0) else { continue };
        println!("\n{part}: {} examples", report.rows);
        let line = |score: &mlsys_engine::Score| {
            let interval = score.interval.map(|(low, high)| format!("{low:.4} to {high:.4}")).unwrap_or_default();
            vec![format!("  {}", score.metric), format!("{:.4}", score.value), interval]
        };
        table::print(&report.metrics.0.iter().map(line).collect::<Vec<_>>(), &[1]);
    }
}

/// The metrics of each fold, one line a metric.
fn folds(detail: &Detail) {
    let folds = &detail.report.folds;
    let Some(first) = folds.first() else { return };
    println!("\nfolds");
    let line = |score: &mlsys_engine::Score| {
        let of = |fold: &mlsys_engine::FoldReport| fold.metrics.get(&score.metric);
        let values = folds.iter().map(|fold| of(fold).map_or_else(|| "-".to_owned(), |value| format!("{value:.4}")));
        [format!("  {}", score.metric)].into_iter().chain(values).collect::<Vec<String>>()
    };
    let numbers: Vec<usize> = (1..=folds.len()).collect();
    table::print(&first.metrics.0.iter().map(line).collect::<Vec<_>>(), &numbers);
}

fn importance(detail: &Detail) {
    let Some(first) = detail.report.importance.first() else { return };
    println!("\nhow much worse `{}` is without each input", first.metric);
    let line = |one: &mlsys_engine::Importance| vec![format!("  {}", one.name), format!("{:.4}", one.worse)];
    table::print(&detail.report.importance.iter().take(LATEST).map(line).collect::<Vec<_>>(), &[1]);
}

fn gates(detail: &Detail) {
    let (gates, unread) = mlsys_engine::models::gates(detail);
    let whole = gates.iter().filter(|gate| gate.slice.is_none() && gate.judged);
    let line = |gate: &GateResult| {
        let value = gate.value.map(|value| format!(": reached {value:.4}")).unwrap_or_default();
        format!("{}  {}{value}", if gate.met { "met   " } else { "MISSED" }, gate.gate)
    };
    let mut lines: Vec<String> = whole.map(line).collect();
    if unread > 0 {
        lines.push(format!("{unread} were written by another version of mlsys and cannot be read"));
    }
    if !lines.is_empty() {
        println!("\ngates\n{}", lines.join("\n"));
    }
}

fn tests(detail: &Detail) {
    let results = mlsys_engine::models::behaviours(detail);
    if !results.is_empty() {
        println!("\ntests");
    }
    results.iter().for_each(|result| println!("{}", behaviours::line(result)));
}

fn entry(entry: &Entry) -> Vec<String> {
    let what = what_happened(entry);
    let why = entry.why.as_ref().map(|why| format!("because {why}")).unwrap_or_default();
    let who = entry.who.clone().unwrap_or_default();
    vec![format!("  {}", entry.at), format!("version {}", entry.version), what, who, why]
}

/// As much of a fingerprint as tells it from others.
fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(12).collect()
}
