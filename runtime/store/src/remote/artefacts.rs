//! Artefacts in a shared store: the files of versions, which other machines score with, judge against and export.

use std::path::Path;

use super::{Remote, is_plain};
use crate::artefacts::hash_of;
use crate::error::StoreError;
use crate::state::{Draft, State, entries};

impl Remote {
    /// Puts the files of an artefact in the store that are not there yet. They are named by their content and never change.
    ///
    /// # Errors
    /// A file cannot be read, or the store does not take it. What arrived is found by the next attempt.
    pub async fn push_artefact(&self, state: &State, hash: &str) -> Result<(), StoreError> {
        let folder = state.models().join(hash);
        let within = state.name_of(&folder)?;
        let there = self.list(&within).await?;
        let mut lacking = Vec::new();
        for path in entries(&folder)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !there.contains(&name) {
                lacking.push((path, format!("{within}/{name}")));
            }
        }
        self.put_all(lacking).await
    }

    /// Gets the files of an artefact; false if they are not there, or not those that the hash is of.
    ///
    /// # Errors
    /// An object cannot be read, or a file not be written.
    pub async fn pull_artefact(&self, state: &State, hash: &str) -> Result<bool, StoreError> {
        // It stands in a registry that others write as well.
        if !is_plain(Path::new(hash)) || hash.contains('/') {
            return Ok(false);
        }
        let target = state.models().join(hash);
        let within = state.name_of(&target)?;
        let names = self.list(&within).await?;
        let draft = Draft::beside(&target)?;
        let files = names.iter().filter(|name| !name.contains('/'));
        let all = self.get_all(files.map(|name| (format!("{within}/{name}"), draft.file(name))).collect()).await?;
        if names.is_empty() || !all || hash_of(draft.folder(), &[])? != hash {
            return Ok(false);
        }
        match draft.publish_beside_others() {
            // Another process has brought the same files meanwhile.
            Err(_) if target.is_dir() => Ok(true),
            published => published.map(|()| true),
        }
    }
}
