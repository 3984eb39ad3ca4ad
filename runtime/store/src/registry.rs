//! The model registry: versions, aliases, lineage, and an append-only history.

mod aliases;
mod history;
mod schema;
mod versions;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use mlsys_training::TrainReport;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

pub use history::{Actor, Entry};

use crate::error::StoreError;

/// A registry on SQLite.
#[derive(Clone, Debug)]
pub struct Registry {
    pool: SqlitePool,
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
    /// Opens a registry, or makes one. One of an earlier version is brought up to date.
    ///
    /// # Errors
    /// The database cannot be opened, or is of a later version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(30))
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        schema::bring_up_to_date(&pool).await?;
        Ok(Registry { pool })
    }

    /// Closes the database, so that everything is in one file.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// Now, RFC 3339 in UTC.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}
