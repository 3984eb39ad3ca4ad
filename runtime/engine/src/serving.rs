//! What serving needs of a project: rows as runs have left them, tables that are looked up, and versions of models.

mod job;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use job::ServeJob;
use mlsys_dataflow::{Dataflow, LookedUp, files_of};
use mlsys_plan::{Node, Operation, Plan, Source};
use mlsys_store::{Digests, Registry, RegistryAddress, Remote, Slot, State};

use crate::error::RunError;
use crate::fingerprints::Fingerprints;
use crate::scoring::{self, Scorer};
use crate::shared;
use crate::steps::{DATA, REPORT};

/// A project whose results are served.
pub struct Serving {
    plan: Plan,
    state: State,
    registry: Registry,
    store: Option<Remote>,
    /// Sources whose rows are there.
    slots: BTreeMap<String, Slot>,
    /// Sources whose files are others than when they were read last.
    outdated: Vec<String>,
}

/// The rows of a source as a run has left them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRows {
    /// Parquet files, in order.
    pub files: Vec<PathBuf>,
    /// A fingerprint of their content and of how they were made.
    pub fingerprint: String,
}

/// A version of a model with its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedModel {
    /// The model.
    pub model: String,
    /// The version's number.
    pub version: i64,
    /// The hash of its artefact.
    pub artefact: String,
    /// The folder of its artefact.
    pub folder: PathBuf,
}

impl Serving {
    /// Opens a project's state.
    ///
    /// # Errors
    /// The state folder or the registry cannot be used.
    pub async fn open(
        plan: &Plan,
        (project, state): (&Path, &Path),
        store: Option<Remote>,
        registry: Option<&RegistryAddress>,
    ) -> Result<Self, RunError> {
        let state = State::open(state)?;
        let registry = shared::registry(&state, registry).await?;
        let mut serving =
            Serving { plan: plan.clone(), state, registry, store, slots: BTreeMap::new(), outdated: Vec::new() };
        serving.look(project)?;
        Ok(serving)
    }

    /// Looks again for what runs have left.
    ///
    /// # Errors
    /// The state folder cannot be read.
    pub fn look(&mut self, project: &Path) -> Result<(), RunError> {
        let mut digests = Digests::open(&self.state);
        let mut fingerprints = Fingerprints::new();
        (self.slots, self.outdated) = (BTreeMap::new(), Vec::new());
        for node in &self.plan.nodes {
            let Operation::Source(source) = &node.operation else { continue };
            // Files that are gone were read once, and that is what counts.
            let now = fingerprints.add(node, &self.plan, project, &mut digests).ok();
            let current = now.map(|now| self.state.slot(&node.id, &now)).filter(Slot::is_current);
            if current.is_none() {
                self.outdated.push(source.name.clone());
            }
            if let Some(slot) = current.map_or_else(|| self.newest(node), |slot| Ok(Some(slot)))? {
                self.slots.insert(source.name.clone(), slot);
            }
        }
        Ok(())
    }

    /// Sources whose files are others than when a run has read them last, or that no run has read.
    pub fn outdated(&self) -> &[String] {
        &self.outdated
    }

    /// The rows of a source; none if no run has read it.
    ///
    /// # Errors
    /// The list of its files cannot be read.
    pub fn rows(&self, source: &str) -> Result<Option<KeptRows>, RunError> {
        let Some(slot) = self.slots.get(source) else { return Ok(None) };
        let files = files_of(&slot.file(DATA))?.into_iter().next().unwrap_or_default();
        let name = slot.folder().file_name().unwrap_or_default();
        Ok(Some(KeptRows { files, fingerprint: name.to_string_lossy().into_owned() }))
    }

    /// What evaluates expressions on rows, with the tables without times in which they look values up.
    ///
    /// # Errors
    /// E0950 if such a table was never read; it cannot be read now.
    pub async fn dataflow(&self) -> Result<Dataflow, RunError> {
        let dataflow = Dataflow::new(&mlsys_dataflow::Options::default())?;
        let looked_up: BTreeSet<&str> = self.plan.nodes.iter().flat_map(|node| node.operation.lookups()).collect();
        let tables = self.sources().filter(|source| source.time.is_none() && looked_up.contains(source.name.as_str()));
        let tables = tables.map(|source| {
            let slot = self.slots.get(&source.name).ok_or_else(|| never_read(&source.name))?;
            Ok(LookedUp { source, group: None, table: slot.file(DATA) })
        });
        let tables = tables.collect::<Result<Vec<_>, RunError>>()?;
        Ok(dataflow.looking_up(&tables).await?)
    }

    /// The champion of a model, if rows may be shown to it as the program now makes them.
    ///
    /// # Errors
    /// E0940 if there is none, or it was trained on inputs that are made in another way; E0933 if its files are gone.
    pub async fn champion(&self, model: &str) -> Result<ServedModel, RunError> {
        let definition = scoring::definition(&self.plan, model)?;
        let found = scoring::scorer(&self.registry, &self.state, self.store.as_ref(), model, &definition, None).await?;
        let Scorer { version, artefact, folder } = found;
        Ok(ServedModel { model: model.to_owned(), version, artefact, folder })
    }

    /// A text that changes when a run has left other rows.
    pub fn prints(&self) -> Vec<(String, PathBuf)> {
        self.slots.iter().map(|(source, slot)| (source.clone(), slot.folder().to_owned())).collect()
    }

    /// The state folder.
    pub fn root(&self) -> &Path {
        self.state.root()
    }

    fn sources(&self) -> impl Iterator<Item = &Source> {
        self.plan.nodes.iter().filter_map(|node| match &node.operation {
            Operation::Source(source) => Some(source),
            _ => None,
        })
    }

    fn newest(&self, node: &Node) -> Result<Option<Slot>, RunError> {
        Ok(self.state.newest_with(&node.id, REPORT)?)
    }
}

fn never_read(source: &str) -> RunError {
    let message = format!("`{source}` is looked up, and no run has read it");
    RunError::new("E0950", message, Some("`mlsysc run` reads it"))
}
