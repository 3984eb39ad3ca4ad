//! The production version of a model on the examples of a new training, for gates that are held against it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mlsys_plan::{Fingerprint, Gate, Node, NodeId, Part, Train};
use mlsys_store::{Expected, Registry, State, Version};
use mlsys_training::{JudgeJob, JudgeReport, PartReport, TrainReport};

use crate::artefacts;
use crate::error::RunError;
use crate::event::Observer;
use crate::run::Options;
use crate::steps::REPORT;
use crate::worker::{self, Task};

/// The alias of the version that is used.
pub const CHAMPION: &str = "champion";

/// What a gate is held against.
pub(crate) enum Champion {
    /// No gate asks for one.
    NotAsked,
    /// There is none yet: gates with it hold.
    Absent,
    /// How good it is.
    Judged {
        /// The version.
        version: i64,
        /// Whether it is the version that is judged.
        is_this: bool,
        /// Its metrics on the new training's examples.
        parts: BTreeMap<Part, PartReport>,
    },
    /// It cannot be held against these examples: gates with it are not met.
    Unusable {
        /// The version.
        version: i64,
        /// Why not.
        reason: String,
    },
}

/// The training whose gates are judged.
pub(crate) struct Asked<'a> {
    pub(crate) node: &'a Node,
    pub(crate) train: &'a Train,
    pub(crate) fingerprint: &'a Fingerprint,
    pub(crate) report: &'a TrainReport,
    /// The files with its examples.
    pub(crate) examples: Vec<Vec<PathBuf>>,
    pub(crate) options: &'a Options,
    pub(crate) observer: Observer<'a>,
}

impl Champion {
    /// The champion, if a gate asks for it, judged on the same examples; what was judged before is not judged again.
    ///
    /// # Errors
    /// The registry or the state folder cannot be used, or the worker was lost.
    pub(crate) async fn find(asked: &Asked<'_>, registry: &Registry, state: &State) -> Result<Self, RunError> {
        if !asked.train.gates.iter().any(|gate| gate.bound.names_champion()) {
            return Ok(Champion::NotAsked);
        }
        let Some(version) = registry.holder(&asked.train.model, CHAMPION).await? else {
            return Ok(Champion::Absent);
        };
        if version.training == asked.fingerprint.as_str() {
            let parts = asked.report.parts.clone();
            return Ok(Champion::Judged { version: version.version, is_this: true, parts });
        }
        match judged(asked, &version, state).await {
            Ok(report) => Ok(Champion::Judged { version: version.version, is_this: false, parts: report.parts }),
            // What it reads is not there any more, or its format is another one: that is no failure of this run.
            Err(error) if matches!(error.code.as_str(), "E0930" | "E0933") => {
                Ok(Champion::Unusable { version: version.version, reason: error.message })
            }
            Err(error) => Err(error),
        }
    }

    /// Who has to be the champion for what was judged to count.
    pub(crate) fn expected(&self) -> Expected {
        match self {
            Champion::NotAsked => Expected::Anything,
            Champion::Absent => Expected::Holder(None),
            Champion::Judged { version, .. } | Champion::Unusable { version, .. } => Expected::Holder(Some(*version)),
        }
    }

    /// Whether gates with it hold because there is none.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Champion::Absent)
    }

    /// What a gate looks at, of it: on the whole part, or on a slice of the part.
    pub(crate) fn value(&self, gate: &Gate, slice: Option<(&str, Option<&str>)>) -> Option<f64> {
        let Champion::Judged { parts, .. } = self else { return None };
        let report = parts.get(&gate.part)?;
        let metrics = match slice {
            None => &report.metrics,
            Some((column, value)) => {
                let mut slices = report.slices.iter();
                &slices.find(|slice| slice.column == column && slice.value.as_deref() == value)?.metrics
            }
        };
        metrics.of_gate(gate)
    }

    /// What is to be known about a gate that asks for it.
    pub(crate) fn note(&self) -> Option<String> {
        match self {
            Champion::NotAsked => None,
            Champion::Absent => Some("holds, since there is no champion yet".to_owned()),
            Champion::Judged { version, is_this: true, .. } => {
                Some(format!("version {version} is the champion itself"))
            }
            Champion::Judged { version, .. } => Some(format!("the champion is version {version}")),
            Champion::Unusable { version, reason } => {
                Some(format!("the champion, version {version}, cannot be held against these examples: {reason}"))
            }
        }
    }
}

async fn judged(asked: &Asked<'_>, version: &Version, state: &State) -> Result<JudgeReport, RunError> {
    let key = format!("{}\n{}", asked.fingerprint, version.artefact);
    let slot = state.slot(&NodeId::new("champion", &asked.train.model), &Fingerprint::of(key.as_bytes()));
    if !slot.is_current() {
        let store = asked.options.store.as_ref();
        let model = artefacts::bring(state, store, &asked.train.model, version).await?;
        let draft = slot.draft()?;
        let job = JudgeJob {
            train: asked.train.clone(),
            examples: asked.examples.clone(),
            model,
            output: draft.file(REPORT),
            threads: asked.options.threads,
        };
        draft.write("job.json", &job)?;
        worker::work(Task::Judge, &asked.options.worker, &draft.file("job.json"), asked.node, asked.observer).await?;
        draft.publish()?;
    }
    Ok(slot.read(REPORT)?)
}
