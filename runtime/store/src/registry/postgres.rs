//! A registry on PostgreSQL: a server that machines share. Its tables lie in the first schema of the connection's search path.

use super::dialect::Dialect;

/// Nobody waits for ever: not for a row that a hung writer holds, and not because of a machine that has gone away in the middle
/// of a transaction. Writers wait for each other's rows and then see what these have written, which `read committed` means.
pub(super) static POSTGRES: Dialect = Dialect {
    settings: &[
        "SET default_transaction_isolation = 'read committed'",
        "SET lock_timeout = '30s'",
        "SET statement_timeout = '60s'",
        "SET idle_in_transaction_session_timeout = '60s'",
    ],
    // The number is that of this registry among the locks of a database: the letters `mlsys`.
    alone: &["BEGIN", "SELECT pg_advisory_xact_lock(x'6d6c737973'::bigint)"],
    // Asked of the catalogue as of now: names that a connection has looked for before (`to_regclass`) may be remembered as absent.
    version: "SELECT COALESCE((
                  SELECT substring(d.description FROM '^mlsys registry ([0-9]{1,9})$')::bigint
                  FROM pg_class c
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                  LEFT JOIN pg_description d
                      ON d.objoid = c.oid AND d.objsubid = 0 AND d.classoid = 'pg_class'::regclass
                  WHERE c.relname = 'versions' AND n.nspname = ANY (current_schemas(false))
                  ORDER BY array_position(current_schemas(false), n.nspname) LIMIT 1), 0)",
    keep_version: |version| format!("COMMENT ON TABLE versions IS 'mlsys registry {version}'"),
    steps: &[FIRST],
};

const FIRST: &[&str] = &[
    "CREATE TABLE models (model TEXT NOT NULL PRIMARY KEY, latest BIGINT NOT NULL)",
    "CREATE TABLE versions (
        model      TEXT NOT NULL,
        version    BIGINT NOT NULL,
        created_at TEXT NOT NULL,
        training   TEXT NOT NULL,
        plan       TEXT NOT NULL,
        data       TEXT NOT NULL,
        seed       BIGINT NOT NULL,
        seconds    DOUBLE PRECISION NOT NULL,
        artefact   TEXT NOT NULL,
        report     TEXT NOT NULL,
        gates      TEXT,
        lineage    TEXT,
        removed_at TEXT,
        PRIMARY KEY (model, version),
        UNIQUE (model, training)
    )",
    "CREATE TABLE aliases (
        model   TEXT NOT NULL,
        alias   TEXT NOT NULL,
        version BIGINT NOT NULL,
        PRIMARY KEY (model, alias),
        FOREIGN KEY (model, version) REFERENCES versions (model, version)
    )",
    "CREATE TABLE history (
        id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at       TEXT NOT NULL,
        model    TEXT NOT NULL,
        version  BIGINT NOT NULL,
        what     TEXT NOT NULL,
        who      TEXT,
        why      TEXT,
        alias    TEXT,
        previous BIGINT
    )",
    "CREATE TABLE definitions (
        model      TEXT NOT NULL,
        version    BIGINT NOT NULL,
        definition TEXT NOT NULL,
        PRIMARY KEY (model, version),
        FOREIGN KEY (model, version) REFERENCES versions (model, version)
    )",
    "CREATE FUNCTION history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
     'BEGIN RAISE EXCEPTION ''the history is append-only''; END'",
    "CREATE TRIGGER history_is_not_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON history
     FOR EACH STATEMENT EXECUTE FUNCTION history_is_append_only()",
];
