//! What machines share, as the dataflow asks for it: parts that were made elsewhere.

use std::collections::BTreeSet;

use async_trait::async_trait;
use mlsys_dataflow::{DataError, Elsewhere, part_of};
use mlsys_store::{Registry, RegistryAddress, Remote, RemoteParts, State, StoreError};

use crate::error::RunError;

/// What is known of all tiles of a join together begins so, and so do they: each machine has its own.
const TILES: &str = "tile.";

/// The store at an address such as `s3://bucket/prefix`; endpoint, region and keys come from the environment.
///
/// # Errors
/// The address cannot be read, or the environment does not fit it.
pub fn shared_store(address: &str) -> Result<Remote, RunError> {
    Ok(Remote::open(address)?)
}

/// The registry at an address such as `postgres://user@host/database`. Its password is the value of the environment variable
/// that is named; without one that of `PGPASSWORD`, if it has a value. Nothing is asked of the server yet.
///
/// # Errors
/// The address cannot be read, or there is no such variable.
pub fn shared_registry(address: &str, password: Option<&str>) -> Result<RegistryAddress, RunError> {
    let value = |variable: &str| {
        let found = std::env::var(variable).ok().filter(|value| !value.is_empty());
        found.ok_or_else(|| StoreError::NoPassword { variable: variable.to_owned() })
    };
    let password = password.map(value).transpose()?;
    Ok(RegistryAddress::read(address, password.as_deref())?)
}

/// The registry that machines share, or that of the state folder.
pub(crate) async fn registry(state: &State, address: Option<&RegistryAddress>) -> Result<Registry, RunError> {
    Ok(match address {
        Some(address) => Registry::connect(address).await?,
        None => Registry::open(&state.registry()).await?,
    })
}

/// The parts of a node in the shared store.
#[derive(Debug)]
pub(crate) struct Shared(pub(crate) RemoteParts);

#[async_trait]
impl Elsewhere for Shared {
    async fn bring(&self, wanted: &[Vec<String>]) -> Result<(), DataError> {
        let there: BTreeSet<&str> = self.0.names().filter_map(part_of).collect();
        let first = |known: &Vec<String>| known.iter().find(|id| there.contains(id.as_str())).cloned();
        let wanted: BTreeSet<String> = wanted.iter().filter_map(first).collect();
        let failed = |error: StoreError| DataError::elsewhere(error.to_string(), error.help());
        self.0.bring(|name| part_of(name).is_some_and(|id| wanted.contains(id))).await.map_err(failed)
    }
}

/// Whether a file among the parts of a node tells of all of them together: it has a name and no fingerprint, and changes.
pub(crate) fn is_told_of_all(name: &str) -> bool {
    part_of(name).is_none() && name.ends_with(".report") && !name.starts_with(TILES)
}
