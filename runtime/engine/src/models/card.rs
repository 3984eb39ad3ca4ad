//! A version as it is shown to people: what the registry knows of it, and what the model's own files say.

use std::fs;
use std::path::Path;

use mlsys_plan::Call;
use mlsys_report::{Card, Event, Origin};
use mlsys_training::{BehaviourResult, GateResult};
use serde::Deserialize;
use serde_json::Value;

use super::{Detail, Entry, Models};
use crate::error::RunError;
use crate::steps::DESCRIPTION;

/// How large the description of a model may be to be read for a card: it holds every value that encoders have learnt.
const LARGEST: u64 = 256 << 20;

impl Models {
    /// A version as it is shown, by [`mlsys_report::card`] and [`mlsys_report::html`]. Where its files are gone, what
    /// only they say is absent.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub async fn card(&self, detail: &Detail) -> Result<Card, RunError> {
        let version = &detail.version;
        let folder = self.folder(version);
        let described = folder.and_then(|folder| Described::read(&folder)).unwrap_or_default();
        let (gates, unread_gates) = gates(detail);
        let history = self.history(&detail.model).await?;
        let about = |entry: &&Entry| entry.version == version.version || entry.previous == Some(version.version);
        Ok(Card {
            model: detail.model.clone(),
            version: version.version,
            registered_at: version.created_at.clone(),
            aliases: version.aliases.clone(),
            label: described.label,
            learner: described.learner.map(|learner| learner.to_string()),
            classes: described.head.classes,
            license: None,
            report: detail.report.clone(),
            gates,
            unread_gates,
            behaviours: behaviours(detail),
            origin: origin(detail),
            history: history.iter().filter(about).map(event).collect(),
        })
    }
}

/// The gates of a version as they were judged, and how many were written in a form that cannot be read any more.
pub fn gates(detail: &Detail) -> (Vec<GateResult>, usize) {
    let (written, _) = divided(detail);
    let read: Vec<GateResult> = written.iter().filter_map(|gate| GateResult::deserialize(*gate).ok()).collect();
    let unread = written.len() - read.len();
    (read, unread)
}

/// The expectations of the version's tests as they were judged.
pub fn behaviours(detail: &Detail) -> Vec<BehaviourResult> {
    let (_, written) = divided(detail);
    written.into_iter().filter_map(|test| BehaviourResult::deserialize(test).ok()).collect()
}

/// What is kept of gates, and what of tests behind them.
fn divided(detail: &Detail) -> (Vec<&Value>, Vec<&Value>) {
    let written = detail.gates.as_array().into_iter().flatten();
    written.partition(|entry| entry.get("behaviour").is_none())
}

/// What happened, in words.
pub fn what_happened(entry: &Entry) -> String {
    match (&entry.alias, entry.previous) {
        (Some(alias), Some(previous)) => format!("{} {alias}, which version {previous} had", entry.what),
        (Some(alias), None) => format!("{} {alias}", entry.what),
        (None, _) => entry.what.clone(),
    }
}

/// What a model's description says that people want to know. What is not in it is absent.
#[derive(Default, Deserialize)]
struct Described {
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    learner: Option<Call>,
    #[serde(default)]
    head: Head,
}

/// What its outputs are.
#[derive(Default, Deserialize)]
struct Head {
    #[serde(default)]
    classes: Vec<String>,
}

impl Described {
    fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(DESCRIPTION);
        let size = fs::metadata(&path).ok()?.len();
        (size <= LARGEST).then(|| serde_json::from_slice(&fs::read(path).ok()?).ok()).flatten()
    }
}

fn origin(detail: &Detail) -> Origin {
    let lineage = detail.lineage.clone();
    Origin {
        training: detail.version.training.clone(),
        plan: detail.plan.clone(),
        data: detail.data.clone(),
        artefact: detail.version.artefact.clone(),
        seed: detail.seed,
        commit: lineage.as_ref().and_then(|lineage| lineage.commit.clone()),
        mlsys: lineage.as_ref().map(|lineage| lineage.mlsys.clone()),
        sources: lineage.as_ref().map(|lineage| lineage.sources.clone()).unwrap_or_default(),
        groups: lineage.map(|lineage| lineage.groups).unwrap_or_default(),
    }
}

fn event(entry: &Entry) -> Event {
    Event {
        at: entry.at.clone(),
        version: entry.version,
        what: what_happened(entry),
        who: entry.who.clone(),
        why: entry.why.clone(),
    }
}
