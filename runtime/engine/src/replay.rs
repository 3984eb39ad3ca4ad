//! A recorded run done again, from nothing, and held against its record.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mlsys_plan::{NodeId, Operation, Plan};
use mlsys_store::{Digests, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::RunError;
use crate::event::Observer;
use crate::fingerprints::Fingerprints;
use crate::run::{Options, run};
use crate::summary::Summary;

/// The run that was recorded last.
const LAST: &str = "last";

/// What the names of the folders begin with, in the state folder, in which replays work.
const FOLDER: &str = "replay-";

/// How many records a message names.
const NAMED: usize = 5;

/// What of a node's report depends on when and how it ran, and not on what it found.
const ABOUT_THE_RUN: [&str; 4] = ["explain", "in_place", "parts", "files"];

/// A run done again.
#[derive(Clone, Debug, Serialize)]
pub struct Replay {
    /// The run's name: that of its record.
    pub run: String,
    /// What was held against each other, in the plan's order.
    pub compared: Vec<Compared>,
}

/// A result of a run beside that of its replay.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// The node.
    pub node: NodeId,
    /// What is compared, such as `artefact`.
    pub what: String,
    /// What the record says.
    pub recorded: String,
    /// What the replay came to.
    pub found: String,
}

impl Compared {
    /// Whether both are the same.
    pub fn is_same(&self) -> bool {
        self.recorded == self.found
    }
}

impl Replay {
    /// Whether everything came out the same.
    pub fn is_same(&self) -> bool {
        self.compared.iter().all(Compared::is_same)
    }
}

/// What a replay reads of a record.
#[derive(Deserialize)]
struct Record {
    now: Option<i64>,
    plan: String,
    data: BTreeMap<String, String>,
    nodes: Vec<RecordedNode>,
    models: Vec<RecordedModel>,
}

#[derive(Deserialize)]
struct RecordedNode {
    node: NodeId,
    report: Option<Value>,
}

#[derive(Deserialize)]
struct RecordedModel {
    model: String,
    artefact: String,
}

/// Does a recorded run again in a folder of its own, which is removed afterwards, and compares: what each node found, and
/// the artefact of each model. Nothing is scored and no version is registered. `name` is that of the record, its beginning, or
/// `last`.
///
/// # Errors
/// E0944 if there is no such record, or the sources hold other data by now; otherwise as [`run`].
pub async fn replay(name: &str, options: &Options, observer: Observer<'_>) -> Result<Replay, Vec<RunError>> {
    let one = |error: RunError| vec![error];
    let (name, path) = find(&options.state, name).map_err(one)?;
    let (record, plan) = read(&options.state, &path).map_err(one)?;
    sweep(&options.state);
    let apart = options.state.join(format!("{FOLDER}{}", std::process::id()));
    if let Err(error) = same_data(&record, &plan, options, &apart) {
        let _ = fs::remove_dir_all(&apart);
        return Err(vec![error]);
    }
    let options = Options {
        state: apart.clone(),
        store: None,
        registry: None,
        tracking: None,
        explain: false,
        profiles: false,
        only: Vec::new(),
        now: record.now,
        ..options.clone()
    };
    let done = run(&plan, &options, observer).await;
    // What is not removed now, or what a replay that was cut off has left, the next one removes.
    let _ = fs::remove_dir_all(&apart);
    let done = done?;
    if let Some(failure) = done.failures().next() {
        return Err(vec![failure.clone()]);
    }
    Ok(Replay { run: name, compared: compared(&record, &done) })
}

/// Removes what replays have left that are not at work any more.
fn sweep(state: &Path) {
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        let is_replay = entry.file_name().to_str().is_some_and(|name| name.starts_with(FOLDER));
        if is_replay && State::open(&entry.path()).and_then(|state| state.lock()).is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The record of that name, of that beginning, or the last one.
fn find(state: &Path, asked: &str) -> Result<(String, PathBuf), RunError> {
    let entries = fs::read_dir(state.join("runs")).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.strip_suffix(".json")).map(str::to_owned))
        .collect();
    names.sort();
    let matching: Vec<&String> = match asked {
        LAST => names.last().into_iter().collect(),
        exact if names.iter().any(|name| name == exact) => names.iter().filter(|name| *name == exact).collect(),
        beginning => names.iter().filter(|name| name.starts_with(beginning)).collect(),
    };
    match matching.as_slice() {
        [only] => Ok(((*only).clone(), state.join("runs").join(format!("{only}.json")))),
        [] if names.is_empty() => {
            let help = "`mlsysc run` records every run that has something to do";
            Err(RunError::new("E0944", format!("no run is recorded in `{}`", state.display()), Some(help)))
        }
        [] => Err(RunError::new("E0944", format!("no run `{asked}` is recorded"), Some(&latest(&names)))),
        several => {
            let message = format!("the names of {} runs begin with `{asked}`", several.len());
            Err(RunError::new("E0944", message, Some(&latest(&names))))
        }
    }
}

fn latest(names: &[String]) -> String {
    let latest: Vec<&str> = names.iter().rev().take(NAMED).map(String::as_str).collect();
    format!("the latest runs are {}", latest.join(", "))
}

/// A record and the plan that it ran, without what leaves the project.
fn read(state: &Path, path: &Path) -> Result<(Record, Plan), RunError> {
    let unusable = |reason: String| {
        let message = format!("the run of `{}` cannot be done again: {reason}", path.display());
        RunError::new("E0944", message, Some("name a run that this version of mlsys has recorded"))
    };
    let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
    let record: Record = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    let kept = fs::read_to_string(plan_file(state, &record.plan));
    let kept = kept.map_err(|error| unusable(format!("its plan is not there: {error}")))?;
    let mut plan = Plan::from_json(&kept).map_err(|error| unusable(error.to_string()))?;
    plan.nodes.retain(|node| !matches!(node.operation, Operation::Deployment(_) | Operation::Monitor(_)));
    Ok((record, plan))
}

/// The file that keeps the plan of a run, by the plan's fingerprint.
pub(crate) fn plan_file(state: &Path, fingerprint: &str) -> PathBuf {
    state.join("runs").join("plans").join(format!("{fingerprint}.json"))
}

/// Refuses a replay on other data than the run's.
fn same_data(record: &Record, plan: &Plan, options: &Options, apart: &Path) -> Result<(), RunError> {
    let mut digests = Digests::open(&State::open(apart)?);
    let mut fingerprints = Fingerprints::new();
    for node in plan.nodes.iter().filter(|node| matches!(node.operation, Operation::Source(_))) {
        fingerprints.add(node, plan, &options.project, &mut digests).map_err(|error| error.of(node))?;
    }
    let changed = record.data.iter().filter(|(source, data)| {
        let found = fingerprints.data(&NodeId::new("source", source));
        found.is_none_or(|found| found.as_str() != data.as_str())
    });
    let changed: Vec<String> = changed.map(|(source, _)| format!("`{source}`")).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let verb = if changed.len() == 1 { "holds" } else { "hold" };
    let message = format!("{} {verb} other data than when this run read it", changed.join(", "));
    Err(RunError::new("E0944", message, Some("put the files back as they were, or replay a later run")))
}

/// Every result that the record has, beside what the replay came to.
fn compared(record: &Record, done: &Summary) -> Vec<Compared> {
    let mut compared = Vec::new();
    for recorded in &record.nodes {
        let found = done.nodes.iter().find(|node| node.node == recorded.node).and_then(|node| node.report.as_ref());
        if let (Some(before), Some(after)) = (&recorded.report, found) {
            compared.extend(of_node(&recorded.node, before, after));
        }
    }
    for recorded in &record.models {
        let found = done.models.iter().find(|model| model.model == recorded.model);
        compared.push(Compared {
            node: NodeId::new("train", &recorded.model),
            what: "artefact".to_owned(),
            recorded: recorded.artefact.clone(),
            found: found.map(|model| model.artefact.clone()).unwrap_or_default(),
        });
    }
    compared
}

/// What a node found: each entry of its report, apart from those that are about the run itself.
fn of_node(node: &NodeId, before: &Value, after: &Value) -> Vec<Compared> {
    let is_training = node.as_str().starts_with("train.");
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Vec::new() };
    let kept = before.iter().filter(|(name, _)| match is_training {
        // Of a training the parts are those of the examples, with their metrics; how long it took is told elsewhere.
        true => ["parts", "best_epoch", "folds", "left_out"].contains(&name.as_str()),
        false => !ABOUT_THE_RUN.contains(&name.as_str()),
    });
    let compare = |(name, value): (&String, &Value)| Compared {
        node: node.clone(),
        what: if is_training && name == "parts" { "metrics".to_owned() } else { name.replace('_', " ") },
        recorded: value.to_string(),
        found: after.get(name).map(Value::to_string).unwrap_or_default(),
    };
    kept.map(compare).collect()
}
