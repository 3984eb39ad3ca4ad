//! The versions of models, as commands look at them and move them about.

mod card;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use mlsys_store::{Registry, RegistryAddress, Remote, State};
use serde::Serialize;

use crate::artefacts;
pub use crate::champion::CHAMPION;
use crate::error::RunError;
use crate::shared;

pub use card::{behaviours, gates, what_happened};
pub use mlsys_report::Card;
pub use mlsys_store::{Actor, Detail, Entry, Lineage, Version};

/// A registry, and the state folder that keeps files of its versions.
pub struct Models {
    state: State,
    registry: Registry,
    store: Option<Remote>,
}

/// Which version is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this number.
    Number(i64),
    /// The one that has this alias.
    Alias(String),
    /// The champion, or the newest one where there is no champion.
    Usual,
}

/// Files that are removed, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The model; none for an artefact that no version has.
    pub model: Option<String>,
    /// The version.
    pub version: Option<i64>,
    /// The folder.
    pub folder: PathBuf,
    /// Its size.
    pub bytes: u64,
}

impl Models {
    /// The registry that machines share, or that of a state folder; none if no run has made that. Files that are not in the
    /// folder are fetched from the store, if there is one.
    ///
    /// # Errors
    /// The state folder or the registry cannot be used.
    pub async fn open(
        state: &Path,
        store: Option<Remote>,
        address: Option<&RegistryAddress>,
    ) -> Result<Option<Self>, RunError> {
        if address.is_none() && !state.is_dir() {
            return Ok(None);
        }
        let state = State::open(state)?;
        if address.is_none() && !state.registry().is_file() {
            return Ok(None);
        }
        let registry = shared::registry(&state, address).await?;
        Ok(Some(Models { state, registry, store }))
    }

    /// All models, by name.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub async fn names(&self) -> Result<Vec<String>, RunError> {
        Ok(self.registry.models().await?)
    }

    /// The versions of a model, newest first.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub async fn versions(&self, model: &str) -> Result<Vec<Version>, RunError> {
        Ok(self.registry.versions(model).await?)
    }

    /// What happened to a model's versions, the latest first.
    ///
    /// # Errors
    /// The registry cannot be read.
    pub async fn history(&self, model: &str) -> Result<Vec<Entry>, RunError> {
        Ok(self.registry.history(model).await?)
    }

    /// Everything that is known of a version.
    ///
    /// # Errors
    /// E0943 if there is no such version; the registry cannot be read.
    pub async fn detail(&self, model: &str, which: &Which) -> Result<Detail, RunError> {
        let version = self.number(model, which).await?;
        self.registry.detail(model, version).await?.ok_or_else(|| none(model, which))
    }

    /// The number of a version.
    ///
    /// # Errors
    /// As [`Models::detail`].
    pub async fn number(&self, model: &str, which: &Which) -> Result<i64, RunError> {
        let versions = self.versions(model).await?;
        let with = |alias: &str| versions.iter().find(|version| version.aliases.iter().any(|held| held == alias));
        let found = match which {
            Which::Number(number) => versions.iter().find(|version| version.version == *number),
            Which::Alias(alias) => with(alias),
            Which::Usual => with(CHAMPION).or(versions.first()),
        };
        found.map(|version| version.version).ok_or_else(|| none(model, which))
    }

    /// Gives a version an alias; the version that had it, if another one did. Its files are here then, and in the store.
    ///
    /// # Errors
    /// E0943 if there is no such version, E0933 if its files are gone; registry or store cannot be written.
    pub async fn promote(
        &self,
        model: &str,
        which: &Which,
        alias: &str,
        actor: &Actor,
    ) -> Result<(i64, Option<i64>), RunError> {
        let detail = self.detail(model, which).await?;
        let version = detail.version.version;
        self.files(&detail).await?;
        artefacts::share(&self.state, self.store.as_ref(), &detail.version.artefact).await?;
        Ok((version, self.registry.give(model, alias, version, actor).await?))
    }

    /// Gives the champion's alias back to the version before; the number of the present one, and of that one.
    ///
    /// # Errors
    /// E0943 if there is none before; the registry cannot be written.
    pub async fn roll_back(&self, model: &str, actor: &Actor) -> Result<(i64, i64), RunError> {
        let moved = self.registry.go_back(model, CHAMPION, actor).await?;
        moved.ok_or_else(|| {
            let message = format!("no version of `{model}` was the champion before this one");
            let help = format!("`mlsysc models promote {model} VERSION` makes any version the champion");
            RunError::new("E0943", message, Some(&help))
        })
    }

    /// Copies the files of a version into a folder that is not there yet, with everything that is known of it: as JSON, as a
    /// model card, and as a page with charts. Notes that it did.
    ///
    /// # Errors
    /// E0943 if there is no such version, E0933 if its files are gone, E0942 if the folder is there.
    pub async fn export(&self, detail: &Detail, card: &Card, into: &Path, actor: &Actor) -> Result<(), RunError> {
        if into.exists() {
            let message = format!("`{}` is there already", into.display());
            return Err(RunError::new("E0942", message, Some("name a folder that is not there yet")));
        }
        let files = self.files(detail).await?;
        let beside = into.with_extension("new");
        let failed = |error: std::io::Error| {
            let message = format!("cannot export to `{}`: {error}", into.display());
            RunError::new("E0941", message, Some("check that the folder may be written and that there is space"))
        };
        let _ = fs::remove_dir_all(&beside);
        fs::create_dir_all(&beside).map_err(failed)?;
        for entry in fs::read_dir(files).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            fs::copy(&path, beside.join(path.file_name().unwrap_or_default())).map_err(failed)?;
        }
        fs::write(beside.join("version.json"), serde_json::to_vec_pretty(detail)?).map_err(failed)?;
        fs::write(beside.join("README.md"), mlsys_report::card(card)).map_err(failed)?;
        fs::write(beside.join("report.html"), mlsys_report::html(card)).map_err(failed)?;
        fs::rename(&beside, into).map_err(failed)?;
        Ok(self.registry.note(&detail.model, detail.version.version, "exported", actor).await?)
    }

    /// Removes the files of versions that have no alias and are not among the newest `keep` of their model, and of artefacts
    /// that no version has, from this machine; with `dry` only says which these are. The versions themselves stay in the
    /// registry; files that are in a shared store as well come back when they are needed.
    ///
    /// # Errors
    /// Another run is at work; a file cannot be removed.
    pub async fn collect(&self, keep: usize, dry: bool, actor: &Actor) -> Result<Vec<Removed>, RunError> {
        let _lock = self.state.lock()?;
        let (mut removed, mut used) = (Vec::new(), BTreeSet::new());
        let mut gone: Vec<(String, Version)> = Vec::new();
        for model in self.names().await? {
            for (place, version) in self.versions(&model).await?.into_iter().enumerate() {
                if place < keep || !version.aliases.is_empty() {
                    used.insert(version.artefact);
                } else if self.folder(&version).is_some_and(|folder| folder.is_dir()) {
                    gone.push((model.clone(), version));
                }
            }
        }
        for (model, version) in gone.into_iter().filter(|(_, version)| !used.contains(&version.artefact)) {
            let Some(folder) = self.folder(&version) else { continue };
            removed.push(Removed {
                bytes: size(&folder),
                model: Some(model.clone()),
                version: Some(version.version),
                folder,
            });
            // A working copy is no loss.
            if !dry && self.store.is_none() {
                self.registry.removed(&model, version.version, actor).await?;
            }
        }
        removed.extend(self.strangers().await?);
        for one in removed.iter().filter(|_| !dry) {
            remove(&one.folder)?;
        }
        Ok(removed)
    }

    /// Artefacts that no version has.
    async fn strangers(&self) -> Result<Vec<Removed>, RunError> {
        let mut known = BTreeSet::new();
        for model in self.names().await? {
            known.extend(self.versions(&model).await?.into_iter().map(|version| version.artefact));
        }
        let entries = fs::read_dir(self.state.models()).into_iter().flatten().flatten();
        let folders = entries.map(|entry| entry.path()).filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            path.is_dir() && !known.contains(&name)
        });
        Ok(folders.map(|folder| Removed { model: None, version: None, bytes: size(&folder), folder }).collect())
    }

    /// Where a version's files lie if they are here; none if its name leads elsewhere.
    pub fn folder(&self, version: &Version) -> Option<PathBuf> {
        artefacts::folder(&self.state, version)
    }

    /// The folder of a version's files, which are fetched if they are not here.
    async fn files(&self, detail: &Detail) -> Result<PathBuf, RunError> {
        artefacts::bring(&self.state, self.store.as_ref(), &detail.model, &detail.version).await
    }

    /// Closes the registry.
    pub async fn close(self) {
        self.registry.close().await;
    }
}

/// Whether larger values of a metric are better, by its name.
pub fn larger_is_better(metric: &str) -> bool {
    mlsys_metrics::definition(metric).is_some_and(|metric| metric.larger_is_better)
}

fn none(model: &str, which: &Which) -> RunError {
    let what = match which {
        Which::Number(number) => format!("version {number}"),
        Which::Alias(alias) => format!("version with the alias `{alias}`"),
        Which::Usual => "version".to_owned(),
    };
    let help = format!("`mlsysc models list {model}` shows which there are");
    RunError::new("E0943", format!("`{model}` has no {what}"), Some(&help))
}

fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

fn remove(folder: &Path) -> Result<(), RunError> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).map_err(|error| {
        let message = format!("cannot remove `{}`: {error}", folder.display());
        RunError::new("E0911", message, Some("check that the state folder may be written"))
    })
}
