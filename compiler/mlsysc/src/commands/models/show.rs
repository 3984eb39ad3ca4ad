//! `mlsysc models show`.

use clap::Args;
use mlsys_engine::BehaviourResult;
use mlsys_engine::models::{Detail, Entry};
use mlsys_plan::Part;
use serde_json::{Value, json};

use crate::commands::run::behaviours;

use super::{Exit, Named, Place, failed, known, named, table};

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
}

pub(super) fn execute(arguments: &Arguments) -> Exit {
    let Named { model, which } = &arguments.version;
    let shown = arguments.place.with(async |models| {
        known(models, model).await?;
        let detail = models.detail(model, which).await.map_err(|error| failed(&error))?;
        let history = models.history(model).await.map_err(|error| failed(&error))?;
        if arguments.json {
            let all = json!({ "version": detail, "history": history });
            println!("{}", serde_json::to_string_pretty(&all).unwrap_or_default());
        } else {
            print(&detail, &history, &models.folder(&detail.version).display().to_string());
        }
        Ok(())
    });
    shown.err().unwrap_or(Exit::Fine)
}

fn print(detail: &Detail, history: &[Entry], folder: &str) {
    let version = &detail.version;
    let aliases =
        if version.aliases.is_empty() { String::new() } else { format!("  ({})", version.aliases.join(", ")) };
    println!("{} version {}{aliases}\n", detail.model, version.version);
    let files = match &version.removed_at {
        Some(at) => format!("removed at {at}"),
        None => folder.to_owned(),
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
    gates(&detail.gates);
    tests(&detail.gates);
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

fn gates(gates: &Value) {
    let gates = gates.as_array().into_iter().flatten().filter(|entry| !entry["gate"].is_null());
    for (place, gate) in gates.enumerate() {
        if place == 0 {
            println!("\ngates");
        }
        let met = gate["met"].as_bool().unwrap_or_default();
        if gate["slice"].is_null() && gate["judged"].as_bool() == Some(true) {
            let value = gate["value"].as_f64().map(|value| format!(": reached {value:.4}")).unwrap_or_default();
            let gate: Option<mlsys_plan::Gate> = serde_json::from_value(gate["gate"].clone()).ok();
            let text = gate.map(|gate| gate.to_string()).unwrap_or_default();
            println!("{}  {text}{value}", if met { "met   " } else { "MISSED" });
        }
    }
}

/// The expectations of tests, which stand behind the gates.
fn tests(gates: &Value) {
    let results = gates.as_array().into_iter().flatten().filter(|entry| !entry["behaviour"].is_null());
    let results: Vec<BehaviourResult> = results.filter_map(|one| serde_json::from_value(one.clone()).ok()).collect();
    if !results.is_empty() {
        println!("\ntests");
    }
    results.iter().for_each(|result| println!("{}", behaviours::line(result)));
}

fn entry(entry: &Entry) -> Vec<String> {
    let what = match (&entry.alias, entry.previous) {
        (Some(alias), Some(previous)) => format!("{} {alias}, which version {previous} had", entry.what),
        (Some(alias), None) => format!("{} {alias}", entry.what),
        (None, _) => entry.what.clone(),
    };
    let why = entry.why.as_ref().map(|why| format!("because {why}")).unwrap_or_default();
    let who = entry.who.clone().unwrap_or_default();
    vec![format!("  {}", entry.at), format!("version {}", entry.version), what, who, why]
}

/// As much of a fingerprint as tells it from others.
fn short(fingerprint: &str) -> String {
    fingerprint.chars().take(12).collect()
}
