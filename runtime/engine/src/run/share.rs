//! Results that machines share: fetched before anything is made, put in the shared store when it is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mlsys_dataflow::{Listed, forget_parts, listed, part_of};
use mlsys_plan::Node;
use mlsys_store::{Slot, StoreError};

use super::Run;
use crate::error::RunError;
use crate::shared::{Shared, is_told_of_all};
use crate::steps::{CHOSEN, DATA};

/// The tables that a result may have.
const TABLES: [&str; 2] = [DATA, CHOSEN];

impl Run<'_> {
    /// Fetches a result that another machine has made, with the parts that are not here; false if there is none, or if it
    /// names files of that machine's own.
    pub(super) async fn fetch(&self, node: &Node, slot: &Slot, quarantine: &Path) -> Result<bool, RunError> {
        let Some(store) = &self.options.store else { return Ok(false) };
        let draft = slot.draft()?;
        if !store.pull(&self.state, slot, &draft).await? {
            return Ok(false);
        }
        let listed = self.listed(slot, &|name| draft.file(name))?;
        if !store.pull_files(&self.state, &listed.files).await? {
            return Ok(false);
        }
        if !listed.parts.is_empty() {
            let parts = store.parts(&self.state, &node.id).await?;
            parts.bring(|name| part_of(name).is_some_and(|id| listed.parts.contains(id))).await?;
        }
        // There is none where no row was set aside.
        store.pull_files(&self.state, &self.within(quarantine).into_iter().collect()).await?;
        draft.publish()?;
        forget_parts(&self.state.parts(&node.id), &self.state.in_every_result(&node.id, DATA)?)?;
        Ok(self.is_whole(node, slot))
    }

    /// Puts a result in the shared store: whatever is not there yet.
    pub(super) async fn share(&self, node: &Node, slot: &Slot, quarantine: &Path) -> Result<(), RunError> {
        let Some(store) = &self.options.store else { return Ok(()) };
        let Listed { mut files, parts } = self.listed(slot, &|name| slot.file(name))?;
        let mut changing = BTreeSet::new();
        for name in names_in(&self.state.parts(&node.id))? {
            let path = self.within(&self.state.parts(&node.id).join(&name));
            if part_of(&name).is_some_and(|id| parts.contains(id)) && !name.ends_with(".new") {
                files.extend(path);
            } else if is_told_of_all(&name) {
                changing.extend(path);
            }
        }
        files.extend(self.within(quarantine).filter(|_| quarantine.exists()));
        Ok(store.push(&self.state, slot, &files, &changing).await?)
    }

    /// Puts a result in the shared store that is current and not there: an earlier run could not, or had no such store.
    pub(super) async fn share_again(&self, node: &Node, slot: &Slot, quarantine: &Path) -> Result<(), RunError> {
        if self.is_shared(slot).await? { Ok(()) } else { self.share(node, slot, quarantine).await }
    }

    /// Whether a result is in the shared store; not where there is no such store.
    pub(super) async fn is_shared(&self, slot: &Slot) -> Result<bool, RunError> {
        match &self.options.store {
            Some(store) => Ok(store.has_result(&self.state, slot).await?),
            None => Ok(false),
        }
    }

    /// The parts of a node that others have made, of which what is told of all together is here; none without a shared store.
    pub(super) async fn elsewhere(&self, node: &Node) -> Result<Option<Shared>, RunError> {
        let Some(store) = &self.options.store else { return Ok(None) };
        let parts = store.parts(&self.state, &node.id).await?;
        parts.bring(is_told_of_all).await?;
        Ok(Some(Shared(parts)))
    }

    /// What the tables of a result list, which lies in `slot` or will.
    fn listed(&self, slot: &Slot, file: &dyn Fn(&str) -> PathBuf) -> Result<Listed, RunError> {
        let within = self.within(slot.folder()).unwrap_or_default();
        let mut all = Listed::default();
        for table in TABLES {
            let Listed { files, parts } = listed(&file(table), &within)?;
            all.files.extend(files);
            all.parts.extend(parts);
        }
        Ok(all)
    }

    /// A path relative to the state folder; none if it lies elsewhere.
    fn within(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(self.state.root()).ok().map(Path::to_path_buf)
    }
}

/// The names of the files in a folder; none if there is no such folder.
fn names_in(folder: &Path) -> Result<Vec<String>, RunError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let failed =
        |error: std::io::Error| RunError::from(StoreError::Io { path: folder.into(), reason: error.to_string() });
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
}
