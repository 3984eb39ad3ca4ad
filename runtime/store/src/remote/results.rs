//! Results of nodes in a shared store: their files, those of their parts, and the report that says that all are there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::transfer::UNFINISHED;
use super::{Remote, is_plain};
use crate::error::StoreError;
use crate::state::{Draft, REPORT, Slot, State, entries};

impl Remote {
    /// Whether a result is there: its report is.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn has_result(&self, state: &State, slot: &Slot) -> Result<bool, StoreError> {
        self.has(&format!("{}/{REPORT}", state.name_of(slot.folder())?)).await
    }

    /// Puts a result in the store: files that it shares with others and that are not there yet, then its own, its report
    /// last. `shared` and `changing` are relative to the state folder; those that may change are put again.
    ///
    /// # Errors
    /// A file cannot be read, or the store does not take it. What arrived is found by the next attempt.
    pub async fn push(
        &self,
        state: &State,
        slot: &Slot,
        shared: &BTreeSet<PathBuf>,
        changing: &BTreeSet<PathBuf>,
    ) -> Result<(), StoreError> {
        let lacking = self.lacking(shared).await?;
        // What is told of a part says that the part is there.
        let (told, files): (Vec<PathBuf>, Vec<PathBuf>) = lacking.into_iter().partition(|path| is_told(path));
        let from_root = |paths: Vec<PathBuf>| paths.into_iter().map(|path| (state.root().join(&path), name(&path)));
        self.put_all(from_root(files).collect()).await?;
        self.put_all(from_root(told).collect()).await?;
        self.put_all(from_root(changing.iter().cloned().collect()).collect()).await?;
        // Nobody changes a result that others may be reading.
        if self.has_result(state, slot).await? {
            return Ok(());
        }
        let folder = state.name_of(slot.folder())?;
        let own = files_below(slot.folder())?
            .into_iter()
            .map(|path| (slot.folder().join(&path), format!("{folder}/{}", name(&path))));
        let (last, own): (Vec<_>, Vec<_>) = own.partition(|(_, name)| *name == format!("{folder}/{REPORT}"));
        self.put_all(own).await?;
        self.put_all(last).await
    }

    /// Gets a result's own files; false if it is not there.
    ///
    /// # Errors
    /// An object cannot be read, or a file not be written.
    pub async fn pull(&self, state: &State, slot: &Slot, draft: &Draft) -> Result<bool, StoreError> {
        let folder = state.name_of(slot.folder())?;
        let names = self.list(&folder).await?;
        if !names.contains(REPORT) {
            return Ok(false);
        }
        self.get_all(names.iter().map(|name| (format!("{folder}/{name}"), draft.file(name))).collect()).await
    }

    /// Gets those of the files that are not there, by their names relative to the state folder; whether all of them are there
    /// now.
    ///
    /// # Errors
    /// An object cannot be read, or a file not be written.
    pub async fn pull_files(&self, state: &State, files: &BTreeSet<PathBuf>) -> Result<bool, StoreError> {
        let missing = files.iter().filter(|path| is_plain(path)).map(|path| (name(path), state.root().join(path)));
        self.get_all(missing.filter(|(_, to)| !to.exists()).collect()).await
    }

    /// Those of the files that are not in the store.
    async fn lacking(&self, files: &BTreeSet<PathBuf>) -> Result<Vec<PathBuf>, StoreError> {
        let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut lacking = Vec::new();
        for path in files {
            let folder = name(path.parent().unwrap_or(Path::new("")));
            if !known.contains_key(&folder) {
                known.insert(folder.clone(), self.list(&folder).await?);
            }
            let file = name(Path::new(path.file_name().unwrap_or_default()));
            if !known.get(&folder).is_some_and(|names| names.contains(&file)) {
                lacking.push(path.clone());
            }
        }
        Ok(lacking)
    }
}

/// Whether a file tells of a part.
pub(super) fn is_told(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "report")
}

/// A relative path as the name of an object.
fn name(path: &Path) -> String {
    path.iter().map(|step| step.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The finished files of a folder and those below it, relative to it.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let (mut files, mut waiting) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(within) = waiting.pop() {
        for path in entries(&folder.join(&within))? {
            let below = within.join(path.file_name().unwrap_or_default());
            if path.is_dir() {
                waiting.push(below);
            } else if !name(&below).ends_with(UNFINISHED) {
                files.push(below);
            }
        }
    }
    Ok(files)
}
