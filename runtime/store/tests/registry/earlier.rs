//! Registries of earlier versions are brought to this one; those of later versions are refused.

use mlsys_store::{Registry, StoreError};

use crate::place::Place;
use crate::{champion, is_whole, register};

/// A registry as it was first made.
const FIRST: &[&str] = &[
    "CREATE TABLE versions (model TEXT NOT NULL, version INTEGER NOT NULL, created_at TEXT NOT NULL,
     training TEXT NOT NULL, plan TEXT NOT NULL, data TEXT NOT NULL, seed INTEGER NOT NULL, seconds REAL NOT NULL,
     artefact TEXT NOT NULL, report TEXT NOT NULL, PRIMARY KEY (model, version), UNIQUE (model, training))",
    "CREATE TABLE aliases (model TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL,
     PRIMARY KEY (model, alias), FOREIGN KEY (model, version) REFERENCES versions (model, version))",
    "CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, model TEXT NOT NULL,
     version INTEGER NOT NULL, what TEXT NOT NULL)",
];

/// What versions are made of was kept beside them.
const DEFINITIONS: &[&str] = &["CREATE TABLE definitions (model TEXT NOT NULL, version INTEGER NOT NULL,
     definition TEXT NOT NULL, PRIMARY KEY (model, version),
     FOREIGN KEY (model, version) REFERENCES versions (model, version))"];

/// Who and why.
const WHO_AND_WHY: &[&str] = &[
    "ALTER TABLE versions ADD COLUMN gates TEXT",
    "ALTER TABLE versions ADD COLUMN lineage TEXT",
    "ALTER TABLE versions ADD COLUMN removed_at TEXT",
    "ALTER TABLE history ADD COLUMN who TEXT",
    "ALTER TABLE history ADD COLUMN why TEXT",
    "ALTER TABLE history ADD COLUMN alias TEXT",
    "ALTER TABLE history ADD COLUMN previous INTEGER",
    "CREATE TRIGGER history_is_not_changed BEFORE UPDATE ON history
     BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
    "CREATE TRIGGER history_is_not_removed BEFORE DELETE ON history
     BEGIN SELECT RAISE(ABORT, 'the history is append-only'); END",
];

const VERSION: &[&str] = &[
    "INSERT INTO versions (model, version, created_at, training, plan, data, seed, seconds, artefact, report)
     VALUES ('m', 1, '2026-01-01T00:00:00Z', 't', 'p', 'd', 1, 0.5, 'a', '{}')",
    "INSERT INTO aliases VALUES ('m', 'champion', 1)",
    "INSERT INTO history (at, model, version, what) VALUES ('2026-01-01T00:00:00Z', 'm', 1, 'registered')",
];

/// How the alias was noted first, and how it was later.
const ALIAS: [&str; 2] = [
    "INSERT INTO history (at, model, version, what) VALUES ('2026-01-01T00:00:00Z', 'm', 1, 'alias champion')",
    "INSERT INTO history (at, model, version, what, alias) VALUES ('2026-01-01T00:00:00Z', 'm', 1, 'alias', 'champion')",
];

const DEFINED: &str = "INSERT INTO definitions VALUES ('m', 1, 'i')";

#[tokio::test]
async fn every_earlier_registry_is_brought_up_to_date() {
    let earlier: [Vec<&str>; 4] = [
        [FIRST, VERSION, &ALIAS[..1]].concat(),
        [FIRST, DEFINITIONS, VERSION, &[ALIAS[0], DEFINED]].concat(),
        [FIRST, DEFINITIONS, VERSION, &[ALIAS[0], DEFINED, "PRAGMA user_version = 1"]].concat(),
        [FIRST, DEFINITIONS, WHO_AND_WHY, VERSION, &[ALIAS[1], DEFINED, "PRAGMA user_version = 2"]].concat(),
    ];
    for (age, statements) in earlier.into_iter().enumerate() {
        let place = Place::File(tempfile::tempdir().unwrap());
        for statement in statements {
            place.tell(statement).await.unwrap();
        }
        let registry = place.open().await;
        let history = registry.history("m").await.unwrap();
        let told: Vec<(&str, Option<&str>)> =
            history.iter().map(|entry| (entry.what.as_str(), entry.alias.as_deref())).collect();
        assert_eq!(told, [("alias", Some("champion")), ("registered", None)], "{age}");
        let version = registry.holder("m", "champion").await.unwrap().unwrap();
        assert_eq!((version.version, version.definition.is_some()), (1, age > 0), "{age}");
        // The same training has its number, the next one the next, and what it is made of is known from now on.
        assert_eq!(register(&registry, "t").await.version, 1, "{age}");
        assert_eq!(register(&registry, "t2").await.version, 2, "{age}");
        assert_eq!((champion(&registry).await, is_whole(&registry).await), (2, 2), "{age}");
        registry.close().await;
        // Opened again, nothing is done twice.
        place.open().await.close().await;
        assert!(place.tell("DELETE FROM history").await.is_err(), "{age}");
    }
}

#[tokio::test]
async fn a_later_registry_is_left_as_it_is() {
    let [file, server] = Place::both();
    file.open().await.close().await;
    file.tell("PRAGMA user_version = 99").await.unwrap();
    let opened = Registry::open(std::path::Path::new(&file.name())).await.err();
    assert!(matches!(opened, Some(StoreError::Later { found: 99, .. })));
    server.open().await.close().await;
    server.tell("COMMENT ON TABLE versions IS 'mlsys registry 99'").await.unwrap();
    let opened = Registry::connect(&crate::server::address(&server.name())).await.err();
    let error = opened.unwrap();
    assert!(matches!(error, StoreError::Later { found: 99, .. }), "{error}");
    assert_eq!(error.code(), "E0945");
}

/// Names of folders may hold what means something else in an address.
#[tokio::test]
async fn a_file_lies_where_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["with space", "50%20", "what?", "a#b", "..hidden", "ümläut", "new\nline"] {
        let within = folder.path().join(name);
        std::fs::create_dir(&within).unwrap();
        let registry = Registry::open(&within.join("registry.db")).await.unwrap();
        register(&registry, "t").await;
        registry.close().await;
        assert!(within.join("registry.db").is_file(), "{name}");
    }
}
