//! The parts of a node's tables in a shared store: listed once, and brought as they are asked for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mlsys_plan::NodeId;

use super::Remote;
use super::results::is_told;
use crate::error::StoreError;
use crate::state::State;

/// What a store has of the parts of a node.
#[derive(Debug)]
pub struct RemoteParts {
    remote: Remote,
    /// The folder in the store.
    folder: String,
    /// The folder in the state.
    local: PathBuf,
    names: BTreeSet<String>,
}

impl Remote {
    /// What the store has of the parts of a node.
    ///
    /// # Errors
    /// It cannot be listed.
    pub async fn parts(&self, state: &State, node: &NodeId) -> Result<RemoteParts, StoreError> {
        let local = state.parts(node);
        let folder = state.name_of(&local)?;
        let names = self.list(&folder).await?;
        Ok(RemoteParts { remote: self.clone(), folder, local, names })
    }
}

impl RemoteParts {
    /// The names of files.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Brings those of the files that are wanted and not there: what is told of parts last, as it says that they are there.
    ///
    /// # Errors
    /// An object cannot be read, or a file not be written.
    pub async fn bring(&self, is_wanted: impl Fn(&str) -> bool) -> Result<(), StoreError> {
        let wanted = self.names().filter(|name| is_wanted(name) && !self.local.join(name).exists());
        let (told, files): (Vec<&str>, Vec<&str>) = wanted.partition(|name| is_told(Path::new(name)));
        for names in [files, told] {
            let named = |name: &str| (format!("{}/{name}", self.folder), self.local.join(name));
            self.remote.get_all(names.into_iter().map(named).collect()).await?;
        }
        Ok(())
    }
}
