//! A registry on SQLite: a file in the state folder of one machine, which its processes may use at a time.

use super::dialect::Dialect;

pub(super) static SQLITE: Dialect = Dialect {
    settings: &["PRAGMA busy_timeout = 30000", "PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON"],
    alone: &["BEGIN IMMEDIATE"],
    version: "PRAGMA user_version",
    keep_version: |version| format!("PRAGMA user_version = {version}"),
    steps: &[FIRST, WHO_AND_WHY, MODELS],
};

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

/// A row for each model, which holds its latest number, and which a writer holds as long as it writes.
const MODELS: &[&str] = &[
    "CREATE TABLE models (model TEXT NOT NULL PRIMARY KEY, latest INTEGER NOT NULL)",
    "INSERT INTO models (model, latest) SELECT model, MAX(version) FROM versions GROUP BY model",
];
