//! The model registry: versions, aliases, and an append-only history.

use std::path::Path;
use std::time::Duration;

use mlsys_training::TrainReport;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow};

use crate::error::StoreError;

const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS versions (
        model      TEXT NOT NULL,
        version    INTEGER NOT NULL,
        created_at TEXT NOT NULL,
        training   TEXT NOT NULL,
        plan       TEXT NOT NULL,
        data       TEXT NOT NULL,
        seed       INTEGER NOT NULL,
        seconds    REAL NOT NULL,
        artefact   TEXT NOT NULL,
        report     TEXT NOT NULL,
        PRIMARY KEY (model, version),
        UNIQUE (model, training)
    )",
    "CREATE TABLE IF NOT EXISTS aliases (
        model   TEXT NOT NULL,
        alias   TEXT NOT NULL,
        version INTEGER NOT NULL,
        PRIMARY KEY (model, alias),
        FOREIGN KEY (model, version) REFERENCES versions (model, version)
    )",
    "CREATE TABLE IF NOT EXISTS history (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        at      TEXT NOT NULL,
        model   TEXT NOT NULL,
        version INTEGER NOT NULL,
        what    TEXT NOT NULL
    )",
    "CREATE TABLE IF NOT EXISTS definitions (
        model      TEXT NOT NULL,
        version    INTEGER NOT NULL,
        definition TEXT NOT NULL,
        PRIMARY KEY (model, version),
        FOREIGN KEY (model, version) REFERENCES versions (model, version)
    )",
];

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
}

/// A registered version, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The version, from 1.
    pub version: i64,
    /// Whether it was registered just now, and not before.
    pub fresh: bool,
}

/// A version as it stands in the registry.
#[derive(Clone, Debug, PartialEq)]
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
}

impl Registry {
    /// Opens a registry, or makes one.
    ///
    /// # Errors
    /// The database cannot be opened.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(Duration::from_secs(30))
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await?;
        for statement in SCHEMA {
            sqlx::query(*statement).execute(&pool).await?;
        }
        Ok(Registry { pool })
    }

    /// Registers a version and gives it the alias; a training that is registered already keeps its number.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn register(&self, new: &NewVersion<'_>, alias: &str) -> Result<Registered, StoreError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let known: Option<SqliteRow> = sqlx::query("SELECT version FROM versions WHERE model = ? AND training = ?")
            .bind(new.model)
            .bind(new.training)
            .fetch_optional(&mut *transaction)
            .await?;
        let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let registered = match known {
            Some(row) => Registered { version: row.try_get("version")?, fresh: false },
            None => {
                let last: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM versions WHERE model = ?")
                    .bind(new.model)
                    .fetch_one(&mut *transaction)
                    .await?;
                let version = last + 1;
                insert(&mut transaction, new, version, &now).await?;
                Registered { version, fresh: true }
            }
        };
        sqlx::query("INSERT OR REPLACE INTO definitions (model, version, definition) VALUES (?, ?, ?)")
            .bind(new.model)
            .bind(registered.version)
            .bind(new.definition)
            .execute(&mut *transaction)
            .await?;
        let holder: Option<i64> = sqlx::query_scalar("SELECT version FROM aliases WHERE model = ? AND alias = ?")
            .bind(new.model)
            .bind(alias)
            .fetch_optional(&mut *transaction)
            .await?;
        if holder != Some(registered.version) {
            sqlx::query("INSERT INTO aliases (model, alias, version) VALUES (?, ?, ?) ON CONFLICT (model, alias) DO UPDATE SET version = excluded.version")
                .bind(new.model)
                .bind(alias)
                .bind(registered.version)
                .execute(&mut *transaction)
                .await?;
            note(&mut transaction, &now, new.model, registered.version, &format!("alias {alias}")).await?;
        }
        transaction.commit().await?;
        Ok(registered)
    }

    /// The versions of a model, newest first.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn versions(&self, model: &str) -> Result<Vec<Version>, StoreError> {
        let rows = sqlx::query(
            "SELECT v.version, v.created_at, v.training, v.artefact, d.definition, group_concat(a.alias, ',') AS aliases
             FROM versions v LEFT JOIN aliases a ON a.model = v.model AND a.version = v.version
             LEFT JOIN definitions d ON d.model = v.model AND d.version = v.version
             WHERE v.model = ? GROUP BY v.version ORDER BY v.version DESC",
        )
        .bind(model)
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(version).collect()
    }

    /// The version of a model that has the alias, if one has it.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn holder(&self, model: &str, alias: &str) -> Result<Option<Version>, StoreError> {
        let versions = self.versions(model).await?;
        Ok(versions.into_iter().find(|version| version.aliases.iter().any(|held| held == alias)))
    }

    /// Closes the database, so that everything is in one file.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

async fn insert(
    connection: &mut sqlx::SqliteConnection,
    new: &NewVersion<'_>,
    version: i64,
    now: &str,
) -> Result<(), StoreError> {
    let report = serde_json::to_string(new.report).unwrap_or_default();
    sqlx::query(
        "INSERT INTO versions (model, version, created_at, training, plan, data, seed, seconds, artefact, report)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.model)
    .bind(version)
    .bind(now)
    .bind(new.training)
    .bind(new.plan)
    .bind(new.data)
    .bind(i64::try_from(new.seed).unwrap_or(i64::MAX))
    .bind(new.report.seconds)
    .bind(new.artefact)
    .bind(report)
    .execute(&mut *connection)
    .await?;
    note(connection, now, new.model, version, "registered").await
}

async fn note(
    connection: &mut sqlx::SqliteConnection,
    now: &str,
    model: &str,
    version: i64,
    what: &str,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO history (at, model, version, what) VALUES (?, ?, ?, ?)")
        .bind(now)
        .bind(model)
        .bind(version)
        .bind(what)
        .execute(connection)
        .await?;
    Ok(())
}

fn version(row: &SqliteRow) -> Result<Version, StoreError> {
    let aliases: Option<String> = row.try_get("aliases")?;
    let mut aliases: Vec<String> =
        aliases.unwrap_or_default().split(',').filter(|alias| !alias.is_empty()).map(str::to_owned).collect();
    aliases.sort();
    Ok(Version {
        version: row.try_get("version")?,
        created_at: row.try_get("created_at")?,
        training: row.try_get("training")?,
        definition: row.try_get("definition")?,
        artefact: row.try_get("artefact")?,
        aliases,
    })
}
