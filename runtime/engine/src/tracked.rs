//! What of a run a tracking server is told: trainings as they go on, what gates said, and aliases that moved.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use mlsys_plan::{Fingerprint, Node, NodeId, Observe, Operation, Plan, Train};
use mlsys_store::{Slot, Version};
use mlsys_tracking::mlflow::{Credentials, Mlflow};
use mlsys_tracking::{
    Address, Came, Ended, Id, Moved, News, Pace, Registered, Spool, Tracking, TrackingReport, Training, described, now,
};
use mlsys_training::{BehaviourResult, TrainEvent, TrainReport};

use crate::error::RunError;
use crate::event::Event;
use crate::lineage::commit;
use crate::run::Options;
use crate::steps::{MODEL, REPORT};
use mlsys_training::GateResult;

/// Tells a tracking server what a run does; nothing where the profile names none.
pub(crate) struct Tracked {
    tracking: Option<Tracking>,
    program: String,
    /// The commit that the project is at; asked for once, and only if there is somebody to tell.
    commit: Option<String>,
    /// Trainings that go on, and the trial that each of them is at.
    going_on: Mutex<BTreeMap<NodeId, GoingOn>>,
}

struct GoingOn {
    training: Training,
    trial: Option<u32>,
    /// Whether the model of a fold is learnt, which nobody keeps: its epochs are not told.
    in_fold: bool,
}

/// A training, as its node knows it.
pub(crate) struct Told<'a> {
    pub(crate) node: &'a Node,
    pub(crate) train: &'a Train,
    pub(crate) fingerprint: &'a Fingerprint,
    /// The fingerprints of the plan and of what sources held.
    pub(crate) definition: &'a Fingerprint,
    pub(crate) data: Fingerprint,
    pub(crate) plan: &'a Plan,
}

impl Tracked {
    /// Begins to tell the server that the options name.
    ///
    /// # Errors
    /// E0915 if its address cannot be read, E0999 if no connection can be made at all.
    pub(crate) fn begin(plan: &Plan, options: &Options) -> Result<Self, RunError> {
        let address = options.tracking.as_deref();
        let tracking = address.map(|address| tracking(address, &options.state)).transpose()?;
        let commit = if tracking.is_some() { commit(&options.project) } else { None };
        Ok(Tracked { tracking, program: plan.program.clone(), commit, going_on: Mutex::default() })
    }

    /// A training begins.
    pub(crate) fn began(&self, told: &Told<'_>) {
        let Some(tracking) = &self.tracking else { return };
        let training = self.training(told, now());
        tracking.tell(News::Began(training.clone()));
        self.going_on().insert(told.node.id.clone(), GoingOn { training, trial: None, in_fold: false });
    }

    /// Passes on what a training worker says.
    pub(crate) fn hear(&self, event: &Event<'_>) {
        let (Some(tracking), Event::Training { node, event }) = (&self.tracking, event) else { return };
        let mut going_on = self.going_on();
        let Some(GoingOn { training: Training { id, .. }, trial, in_fold }) = going_on.get_mut(&node.id) else {
            return;
        };
        let training = id.clone();
        match event {
            TrainEvent::TrialStarted { trial: number, .. } => {
                *trial = Some(*number);
                tracking.tell(News::TrialBegan { training, trial: *number, at: now() });
            }
            TrainEvent::Fold { fold, .. } => *in_fold = fold.is_some(),
            TrainEvent::Epoch(report) if !*in_fold => {
                tracking.tell(News::Epoch { training, trial: *trial, report: report.clone() });
            }
            TrainEvent::Trial { report, .. } => {
                tracking.tell(News::Trial { training, report: report.clone(), at: now() });
            }
            _ => {}
        }
    }

    /// There is a model, made now or before. One that the server knows in full it is not told of again.
    pub(crate) fn came(&self, told: &Told<'_>, report: &TrainReport, slot: &Slot) {
        let Some(tracking) = &self.tracking else { return };
        let (at, training) = match self.going_on().remove(&told.node.id) {
            Some(going_on) => (now(), going_on.training),
            None => {
                let at = written_at(&slot.file(REPORT)).unwrap_or_else(now);
                (at, self.training(told, at - milliseconds(report.seconds)))
            }
        };
        let came = Came::Model { report: Box::new(report.clone()), folder: slot.folder().join(MODEL) };
        tracking.tell(News::Ended(Box::new(Ended { training, at, came })));
    }

    /// A training failed, if the node is one that was going on.
    pub(crate) fn failed(&self, node: &Node, error: &RunError) {
        let (Some(tracking), Some(going_on)) = (&self.tracking, self.going_on().remove(&node.id)) else { return };
        let came = Came::Failed { reason: format!("{}: {}", error.code, error.message) };
        tracking.tell(News::Ended(Box::new(Ended { training: going_on.training, at: now(), came })));
    }

    /// A training was judged. `before` and `after` are the model's versions around that: who got an alias is told.
    pub(crate) fn judged(
        &self,
        told: &Told<'_>,
        gates: &[GateResult],
        behaviours: &[BehaviourResult],
        version: Option<i64>,
        before: &[Version],
        after: &[Version],
    ) {
        let Some(tracking) = &self.tracking else { return };
        let aliases = after.iter().find(|known| Some(known.version) == version).map(|known| known.aliases.clone());
        tracking.tell(News::Registered(Registered {
            training: self.id(told),
            version,
            gates: gates.iter().map(judgement).chain(behaviours.iter().map(behaved)).collect(),
            aliases: aliases.unwrap_or_default(),
        }));
        let moved = moved(&told.train.model, before, after);
        moved.into_iter().for_each(|moved| tracking.tell(News::Moved(moved)));
    }

    /// Whether anybody is told.
    pub(crate) fn is_told(&self) -> bool {
        self.tracking.is_some()
    }

    /// Sends what is waiting, within bounds of time; none where nobody is told.
    pub(crate) async fn end(&self) -> Option<TrackingReport> {
        match &self.tracking {
            Some(tracking) => Some(tracking.end().await),
            None => None,
        }
    }

    fn id(&self, told: &Told<'_>) -> Id {
        Id {
            program: self.program.clone(),
            model: told.train.model.clone(),
            fingerprint: told.fingerprint.as_str().to_owned(),
        }
    }

    fn training(&self, told: &Told<'_>, began_at: i64) -> Training {
        let observe = told.plan.node(&NodeId::new("observe", &told.train.model)).map(|node| &node.operation);
        let split = match observe {
            Some(Operation::Observe(Observe { split, .. })) => Some(split),
            _ => None,
        };
        let mut tags = vec![
            ("mlsys.plan".to_owned(), told.definition.as_str().to_owned()),
            ("mlsys.data".to_owned(), told.data.as_str().to_owned()),
            ("mlsys.release".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ];
        tags.extend(self.commit.iter().map(|commit| ("mlflow.source.git.commit".to_owned(), commit.clone())));
        Training { id: self.id(told), began_at, params: described(told.train, split), tags }
    }

    fn going_on(&self) -> MutexGuard<'_, BTreeMap<NodeId, GoingOn>> {
        self.going_on.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the tracking server at an address that a version was given an alias.
///
/// # Errors
/// As those of a run: the address cannot be read, or no connection can be made at all. A server that is away is none.
pub async fn tell_alias(
    address: &str,
    state: &Path,
    model: &str,
    version: &Version,
    alias: &str,
) -> Result<TrackingReport, RunError> {
    let tracking = tracking(address, state)?;
    tracking.tell(News::Moved(alias_of(model, version, alias)));
    Ok(tracking.end().await)
}

fn tracking(address: &str, state: &Path) -> Result<Tracking, RunError> {
    let address = Address::read(address).map_err(|error| {
        RunError::new(
            "E0915",
            error.to_string(),
            Some("write `http://HOST:PORT` or `https://HOST`, without credentials"),
        )
    })?;
    let (spool, pace) = (Spool::of(state, &address), Pace::default());
    let mlflow = Mlflow::new(address, Credentials::from_environment(), pace)
        .map_err(|trouble| RunError::internal(trouble.to_string()))?;
    Ok(Tracking::begin(Box::new(mlflow), spool, pace))
}

/// The aliases that have gone to another version, with the version that holds each of them now.
fn moved(model: &str, before: &[Version], after: &[Version]) -> Vec<Moved> {
    let held = |versions: &[Version], version: i64, alias: &str| {
        versions.iter().any(|known| known.version == version && known.aliases.iter().any(|held| held == alias))
    };
    let all = after.iter().flat_map(|version| version.aliases.iter().map(move |alias| (version, alias)));
    all.filter(|(version, alias)| !held(before, version.version, alias))
        .map(|(version, alias)| alias_of(model, version, alias))
        .collect()
}

fn alias_of(model: &str, version: &Version, alias: &str) -> Moved {
    Moved {
        model: model.to_owned(),
        fingerprint: version.training.clone(),
        version: version.version,
        alias: alias.to_owned(),
    }
}

/// A gate in words: what it asks for, what was reached, and whether that is enough.
fn judgement(gate: &GateResult) -> String {
    let slice = gate.slice.as_ref().map(|slice| format!(" ({slice})")).unwrap_or_default();
    let reached = gate.value.map_or_else(|| "not defined".to_owned(), |value| value.to_string());
    let came = match (gate.judged, gate.met) {
        (false, _) => "too few rows to judge",
        (true, true) => "met",
        (true, false) => "missed",
    };
    format!("{}{slice}: {reached}, {came}", gate.gate)
}

fn behaved(result: &BehaviourResult) -> String {
    let BehaviourResult { behaviour, seen, met } = result;
    let came = if *met { "met" } else { "missed" };
    format!("{:?}: {behaviour}: {} of {} comparisons hold, {came}", behaviour.test, seen.held, seen.compared)
}

/// When a file was written, in milliseconds since 1970.
fn written_at(path: &Path) -> Option<i64> {
    let modified = std::fs::metadata(path).ok()?.modified().ok()?;
    i64::try_from(modified.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}

#[expect(clippy::cast_possible_truncation, reason = "a training of more than a hundred million years is cut short")]
fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0) as i64
}

#[cfg(test)]
mod tests {
    use mlsys_store::Version;

    use super::moved;

    fn version(version: i64, aliases: &[&str]) -> Version {
        Version {
            version,
            created_at: String::new(),
            training: format!("training-{version}"),
            definition: None,
            artefact: String::new(),
            aliases: aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            removed_at: None,
        }
    }

    #[test]
    fn aliases_that_went_to_another_version_are_told() {
        let before = [version(2, &["champion", "mine"]), version(1, &["old"])];
        let after = [version(3, &["champion"]), version(2, &["mine"]), version(1, &["old"])];
        let told: Vec<(String, String)> =
            moved("fraud", &before, &after).into_iter().map(|moved| (moved.alias, moved.fingerprint)).collect();
        assert_eq!(told, [("champion".to_owned(), "training-3".to_owned())]);
        assert!(moved("fraud", &after, &after).is_empty());
    }
}
