//! The state of a project: results of nodes, artefacts by content, digests of files, and the model registry.
//!
//! A state folder holds `offline/` (results by node and fingerprint), `quarantine/`, `models/` (artefacts by content
//! hash), `scores/` (what deployments have scored), `runs/` (a record per run), `registry.db` (SQLite) and `digests.json`.
//! A [`Remote`] is a copy of results, parts and artefacts that machines share, a [`RegistryAddress`] a registry that they share.
//! Everything appears there whole or not at all: it is written beside its place and renamed.

mod artefacts;
mod digests;
mod error;
mod lock;
mod registry;
mod remote;
mod scores;
mod state;

pub use artefacts::{Artefact, hash_of, keep};
pub use digests::Digests;
pub use error::StoreError;
pub use lock::Lock;
pub use registry::{
    Actor, Detail, Entry, Expected, Lineage, NewVersion, Registered, Registry, RegistryAddress, Version,
};
pub use remote::{Objects, Remote, RemoteParts};
pub use scores::{Scores, discard_unfinished, put};
pub use state::{Draft, REPORT, Slot, State};
