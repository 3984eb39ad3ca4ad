//! The registry's tables, and how those of earlier versions become those of this one.

use sqlx::sqlite::SqlitePool;

use crate::error::StoreError;

/// What brings a registry from each version to the next: the first list from nothing, or from before versions were counted.
const STEPS: &[&[&str]] = &[FIRST, WHO_AND_WHY];

const FIRST: &[&str] = &[
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

/// Who did what and why, what versions are made of, and a history that nobody rewrites.
const WHO_AND_WHY: &[&str] = &[
    "ALTER TABLE versions ADD COLUMN gates TEXT",
    "ALTER TABLE versions ADD COLUMN lineage TEXT",
    "ALTER TABLE versions ADD COLUMN removed_at TEXT",
    "ALTER TABLE history ADD COLUMN who TEXT",
    "ALTER TABLE history ADD COLUMN why TEXT",
    "ALTER TABLE history ADD COLUMN alias TEXT",
    "ALTER TABLE history ADD COLUMN previous INTEGER",
    "UPDATE history SET alias = substr(what, 7), what = 'alias' WHERE what LIKE 'alias %'",
    "CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
     BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
    "CREATE TRIGGER history_is_not_removed BEFORE DELETE ON history
     BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
];

/// Takes the steps that a database has not taken yet, all or none of them.
///
/// # Errors
/// The database refuses, or is of a later version.
pub(super) async fn bring_up_to_date(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let taken: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    let taken = usize::try_from(taken).unwrap_or_default();
    if taken > STEPS.len() {
        return Err(StoreError::Later { what: "the registry", found: taken, known: STEPS.len() });
    }
    if taken == STEPS.len() {
        return Ok(transaction.rollback().await?);
    }
    for statement in STEPS[taken..].concat() {
        sqlx::query(statement).execute(&mut *transaction).await?;
    }
    // A pragma takes no parameters; the number is the program's own.
    let version = format!("PRAGMA user_version = {}", STEPS.len());
    sqlx::query(sqlx::AssertSqlSafe(version)).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}
