//! Runs: found by the fingerprint of their training, or made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::answers::{list, required, tag, text, whole};
use super::{COMPLETE, Mlflow, SEARCH, TRAINING, TRIAL, limits};
use crate::news::{Id, Training};
use crate::tracker::Trouble;

/// How many pages of answers are read; each has up to a thousand entries or more.
const PAGES: usize = 100;

/// A run of a training or of a trial.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) id: String,
    /// Where its artefacts lie, as the server names it.
    pub(super) artefacts: String,
    /// When it began, in milliseconds since 1970: the server's word, to which seconds of reports are added, so that what is
    /// sent twice is the same.
    pub(super) began_at: i64,
    pub(super) state: RunState,
    /// Epochs that were sent.
    pub(super) epochs: BTreeSet<i64>,
    /// Runs of its trials.
    pub(super) trials: BTreeMap<u32, Run>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunState {
    /// It goes on.
    Open,
    /// It ended, and may be gone on with.
    Over,
    /// Everything about its training was sent.
    Complete,
    /// Somebody has deleted it: it is left alone.
    Deleted,
}

/// A run that is to be made.
pub(super) struct NewRun<'a> {
    experiment: String,
    name: String,
    began_at: i64,
    tags: Vec<Value>,
    /// The tags by which it is found again.
    found_by: [(&'a str, String); 2],
}

impl Mlflow {
    /// The run of a training, if the server has one.
    pub(super) async fn run(&mut self, id: &Id) -> Result<Option<Run>, Trouble> {
        if let Some(known) = self.runs.get(id) {
            return Ok(Some(known.clone()));
        }
        let experiment = self.experiment(&id.program).await?;
        let found = self.search(&experiment, &[(TRAINING, id.fingerprint.clone())], 1).await?;
        let Some(found) = found.first() else { return Ok(None) };
        let mut run = read(found)?;
        if run.state != RunState::Deleted && run.state != RunState::Complete {
            run.epochs = self.epochs_of(&run.id).await?;
            run.trials = self.trials_of(&experiment, id).await?;
        }
        self.runs.insert(id.clone(), run.clone());
        Ok(Some(run))
    }

    /// The run of a training, which goes on: one that the server has, or a new one.
    pub(super) async fn opened(&mut self, training: &Training) -> Result<Run, Trouble> {
        let id = &training.id;
        if let Some(mut run) = self.run(id).await? {
            if run.state == RunState::Over {
                let body = json!({ "run_id": run.id, "status": "RUNNING" });
                self.client.post("mlflow/runs/update", &body).await?;
                run.state = RunState::Open;
                self.runs.insert(id.clone(), run.clone());
            }
            return Ok(run);
        }
        let short: String = id.fingerprint.chars().take(8).collect();
        let tags =
            [(TRAINING, id.fingerprint.as_str()), ("mlsys.model", &id.model), ("mlflow.source.name", &id.program)];
        let new = NewRun {
            experiment: self.experiment(&id.program).await?,
            name: format!("{} {short}", id.model),
            began_at: training.began_at,
            tags: tags.iter().map(|(name, value)| limits::tag(name, value)).collect(),
            found_by: [(TRAINING, id.fingerprint.clone()), ("mlsys.model", id.model.clone())],
        };
        let run = self.made(&new).await?;
        self.runs.insert(id.clone(), run.clone());
        Ok(run)
    }

    /// The run of a trial below that of its training; made if there is none.
    pub(super) async fn trial_run(&mut self, id: &Id, parent: &Run, trial: u32, at: i64) -> Result<Run, Trouble> {
        if let Some(known) = parent.trials.get(&trial) {
            return Ok(known.clone());
        }
        let (number, fingerprint) = (trial.to_string(), id.fingerprint.clone());
        let tags = [("mlflow.parentRunId", parent.id.as_str()), (SEARCH, &fingerprint), (TRIAL, &number)];
        let new = NewRun {
            experiment: self.experiment(&id.program).await?,
            name: format!("{} trial {trial}", id.model),
            began_at: at,
            tags: tags.iter().map(|(name, value)| limits::tag(name, value)).collect(),
            found_by: [(SEARCH, fingerprint.clone()), (TRIAL, number.clone())],
        };
        let run = self.made(&new).await?;
        self.change(id, |parent| {
            parent.trials.insert(trial, run.clone());
        });
        Ok(run)
    }

    /// Makes a run. If the answer is lost, the run may be there: it is looked for before another one is made.
    async fn made(&self, new: &NewRun<'_>) -> Result<Run, Trouble> {
        let body = json!({
            "experiment_id": new.experiment, "run_name": new.name, "start_time": new.began_at, "tags": new.tags,
        });
        let mut patience = self.client.patience();
        loop {
            match self.client.post_once("mlflow/runs/create", &body).await {
                Ok(answer) => return read(answer.get("run").unwrap_or(&Value::Null)),
                Err(trouble) => patience.after(trouble).await?,
            }
            if let Some(found) = self.search(&new.experiment, &new.found_by, 1).await?.first() {
                return read(found);
            }
        }
    }

    /// Remembers what became of a run.
    pub(super) fn change(&mut self, id: &Id, change: impl FnOnce(&mut Run)) {
        if let Some(run) = self.runs.get_mut(id) {
            change(run);
        }
    }

    /// Logs params, each value once: another one is refused.
    pub(super) async fn log(&self, run: &str, what: &str, entries: Vec<Value>) -> Result<(), Trouble> {
        let most = if what == "metrics" { limits::METRICS } else { limits::PARAMS_OR_TAGS };
        for batch in limits::batches(entries, most) {
            let mut body = json!({ "run_id": run });
            if let Some(body) = body.as_object_mut() {
                body.insert(what.to_owned(), batch.into());
            }
            self.client.post("mlflow/runs/log-batch", &body).await?;
        }
        Ok(())
    }

    /// Ends a run.
    pub(super) async fn close(&self, run: &str, status: &str, at: i64) -> Result<(), Trouble> {
        let body = json!({ "run_id": run, "status": status, "end_time": at });
        self.client.post("mlflow/runs/update", &body).await.map(drop)
    }

    /// Runs with these tags, deleted ones too, the first one first; at most `pages` pages of them.
    async fn search(&self, experiment: &str, tags: &[(&str, String)], pages: usize) -> Result<Vec<Value>, Trouble> {
        let conditions: Vec<String> = tags.iter().map(|(name, value)| condition(name, value)).collect();
        let mut body = json!({
            "experiment_ids": [experiment], "filter": conditions.join(" and "), "run_view_type": "ALL",
            "max_results": 1000, "order_by": ["attributes.start_time ASC"],
        });
        let mut runs = Vec::new();
        for _ in 0..pages {
            let answer = self.client.post("mlflow/runs/search", &body).await?;
            runs.extend_from_slice(list(&answer, "runs"));
            match text(&answer, "next_page_token") {
                "" => break,
                next => body["page_token"] = json!(next),
            }
        }
        Ok(runs)
    }

    /// The epochs of which a run has the loss, which is sent last of an epoch.
    async fn epochs_of(&self, run: &str) -> Result<BTreeSet<i64>, Trouble> {
        let (mut epochs, mut page) = (BTreeSet::new(), String::new());
        for _ in 0..PAGES {
            let mut query = vec![("run_id", run), ("metric_key", "loss"), ("max_results", "10000")];
            if !page.is_empty() {
                query.push(("page_token", page.as_str()));
            }
            let answer = self.client.get("mlflow/metrics/get-history", &query).await?;
            // The first epoch is 1; a server leaves out numbers that are 0.
            epochs.extend(list(&answer, "metrics").iter().filter_map(|metric| whole(metric, "step")));
            page = text(&answer, "next_page_token").to_owned();
            if page.is_empty() {
                break;
            }
        }
        Ok(epochs)
    }

    async fn trials_of(&self, experiment: &str, id: &Id) -> Result<BTreeMap<u32, Run>, Trouble> {
        let found = self.search(experiment, &[(SEARCH, id.fingerprint.clone())], PAGES).await?;
        let mut trials = BTreeMap::new();
        for run in &found {
            let number = run.get("data").and_then(|data| tag(data, TRIAL)).and_then(|number| number.parse().ok());
            if let Some(number) = number {
                let mut trial = read(run)?;
                if trial.state == RunState::Open {
                    trial.epochs = self.epochs_of(&trial.id).await?;
                }
                trials.insert(number, trial);
            }
        }
        Ok(trials)
    }
}

/// A condition of a search. Values are fingerprints and names of the language: a quote in one of them would end the text.
pub(super) fn condition(tag: &str, value: &str) -> String {
    format!("tags.`{tag}` = '{}'", value.replace('\'', "_"))
}

fn read(run: &Value) -> Result<Run, Trouble> {
    let info = run.get("info").unwrap_or(&Value::Null);
    let is_complete = run.get("data").and_then(|data| tag(data, COMPLETE)).is_some();
    let state = match (text(info, "lifecycle_stage"), text(info, "status")) {
        ("deleted", _) => RunState::Deleted,
        _ if is_complete => RunState::Complete,
        (_, "RUNNING" | "SCHEDULED" | "") => RunState::Open,
        _ => RunState::Over,
    };
    Ok(Run {
        id: required(info, "run_id")?,
        artefacts: text(info, "artifact_uri").to_owned(),
        began_at: whole(info, "start_time").unwrap_or_default(),
        state,
        epochs: BTreeSet::new(),
        trials: BTreeMap::new(),
    })
}
