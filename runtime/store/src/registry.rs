//! The model registry: versions, aliases, lineage, and an append-only history.

mod address;
mod aliases;
mod connect;
mod dialect;
mod failure;
mod history;
mod postgres;
mod schema;
mod sqlite;
mod versions;

use std::collections::BTreeMap;

use mlsys_training::TrainReport;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::{Any, AnyPool, Transaction};

pub use address::RegistryAddress;
pub use history::{Actor, Entry};

use crate::error::StoreError;

/// A registry: SQLite in a state folder, or a PostgreSQL server that machines share.
#[derive(Clone)]
pub struct Registry {
    pool: AnyPool,
}

/// What is known of a version when it is registered.
#[derive(Clone, Debug)]
pub struct NewVersion<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The fingerprint of the training: definition and examples.
    pub training: &'a str,
    /// The fingerprint of what inputs mean: who feeds the model must do the same.
    pub definition: &'a str,
    /// The fingerprint of the whole plan.
    pub plan: &'a str,
    /// The fingerprint of the data that the sources held.
    pub data: &'a str,
    /// The seed.
    pub seed: u64,
    /// The artefact's hash.
    pub artefact: &'a str,
    /// The training's report.
    pub report: &'a TrainReport,
    /// Its gates as they were met.
    pub gates: &'a Value,
    /// What it was made of.
    pub lineage: &'a Lineage,
}

/// What a version was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The fingerprint of the data of each source.
    pub sources: BTreeMap<String, String>,
    /// The fingerprint of the definition of each group that it reads.
    pub groups: BTreeMap<String, String>,
    /// The inputs, in their order.
    pub inputs: Vec<String>,
    /// The commit of the project's repository, if it is in one; with ` (changed)` behind it if files differ from it.
    pub commit: Option<String>,
    /// The version of mlsys.
    pub mlsys: String,
}

/// What is to be true of an alias for a version to be registered with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Anything,
    /// It is the one of this version, or of none: gates were judged against that.
    Holder(Option<i64>),
}

/// A version by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The version, from 1.
    pub version: i64,
    /// Whether it was registered just now, and not before.
    pub fresh: bool,
}

/// A version as it stands in the registry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Version {
    /// The version, from 1.
    pub version: i64,
    /// When it was registered, RFC 3339 in UTC.
    pub created_at: String,
    /// The fingerprint of the training.
    pub training: String,
    /// The fingerprint of what inputs mean; none for a version that was registered before this was kept.
    pub definition: Option<String>,
    /// The artefact's hash.
    pub artefact: String,
    /// Its aliases, in order.
    pub aliases: Vec<String>,
    /// When its files were removed; none while they are there.
    pub removed_at: Option<String>,
}

/// Everything that is known of a version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Detail {
    /// The model's name.
    pub model: String,
    /// The version as it stands in lists.
    #[serde(flatten)]
    pub version: Version,
    /// The fingerprint of the whole plan.
    pub plan: String,
    /// The fingerprint of the data that the sources held.
    pub data: String,
    /// The seed.
    pub seed: i64,
    /// The training's report.
    pub report: TrainReport,
    /// Its gates as they were met; null for a version that was registered before this was kept.
    pub gates: Value,
    /// What it was made of; none for a version that was registered before this was kept.
    pub lineage: Option<Lineage>,
}

impl Registry {
    /// Begins to write about a model; the number of its latest version, 0 if it has none. Whoever writes about the same model
    /// waits until this is done, on every machine: it is the row of the model that a writer holds. Where the transaction is
    /// dropped, nothing was written.
    async fn writer(&self, model: &str) -> Result<(Transaction<'static, Any>, i64), StoreError> {
        let mut transaction = self.pool.begin().await?;
        let latest = sqlx::query_scalar(
            "INSERT INTO models (model, latest) VALUES ($1, 0)
             ON CONFLICT (model) DO UPDATE SET latest = models.latest RETURNING latest",
        );
        let latest = latest.bind(model).fetch_one(&mut *transaction).await?;
        Ok((transaction, latest))
    }
}

/// Now, RFC 3339 in UTC.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
