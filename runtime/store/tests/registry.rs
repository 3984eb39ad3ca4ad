//! The registry and the state folder: numbers, aliases, what appears whole, who may work.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::collections::BTreeMap;

use mlsys_plan::{Fingerprint, NodeId};
use mlsys_store::{Actor, Lineage, NewVersion, Registered, Registry, State, StoreError, keep};
use mlsys_training::TrainReport;
use serde_json::Value;

fn report() -> TrainReport {
    TrainReport {
        task: mlsys_plan::Task::Binary,
        importance: Vec::new(),
        rows_per_second: None,
        parts: BTreeMap::new(),
        left_out: 0,
        epochs: Vec::new(),
        best_epoch: 1,
        parameters: 1,
        inputs: Vec::new(),
        trials: Vec::new(),
        best_trial: None,
        folds: Vec::new(),
        seconds: 0.5,
    }
}

fn version<'a>(training: &'a str, report: &'a TrainReport) -> NewVersion<'a> {
    static LINEAGE: std::sync::LazyLock<Lineage> = std::sync::LazyLock::new(|| Lineage {
        sources: BTreeMap::from([("payments".to_owned(), "d1".to_owned())]),
        commit: Some("abc".to_owned()),
        ..Lineage::default()
    });
    NewVersion {
        model: "m",
        training,
        definition: "i",
        plan: "p",
        data: "d",
        seed: 7,
        artefact: "a",
        report,
        gates: &Value::Null,
        lineage: &LINEAGE,
    }
}

fn actor() -> Actor {
    Actor { who: "ann@here".to_owned(), why: Some("a test".to_owned()) }
}

#[tokio::test]
async fn versions_are_numbered_and_the_alias_moves() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry.db")).await.unwrap();
    let report = report();
    let first = registry.register(&version("t1", &report), "champion", &actor()).await.unwrap();
    assert_eq!(first, Registered { version: 1, fresh: true });
    let again = registry.register(&version("t1", &report), "champion", &actor()).await.unwrap();
    assert_eq!(again, Registered { version: 1, fresh: false });
    let second = registry.register(&version("t2", &report), "champion", &actor()).await.unwrap();
    assert_eq!(second, Registered { version: 2, fresh: true });
    let versions = registry.versions("m").await.unwrap();
    let aliases: Vec<(i64, Vec<String>)> = versions.into_iter().map(|each| (each.version, each.aliases)).collect();
    assert_eq!(aliases, [(2, vec!["champion".to_owned()]), (1, Vec::new())]);
}

#[tokio::test]
async fn writers_at_the_same_time_get_numbers_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let mut writers = Vec::new();
    Registry::open(&path).await.unwrap().close().await;
    for writer in 0..8 {
        let path = path.clone();
        writers.push(tokio::spawn(async move {
            let registry = Registry::open(&path).await.unwrap();
            let (training, report) = (format!("t{writer}"), report());
            registry.register(&version(&training, &report), "champion", &actor()).await.unwrap().version
        }));
    }
    let mut numbers = Vec::new();
    for writer in writers {
        numbers.push(writer.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<i64>>());
}

/// The champion goes back to the version before, and stays there when the same training is registered again.
#[tokio::test]
async fn what_was_done_by_hand_is_not_undone_by_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry.db")).await.unwrap();
    let report = report();
    for training in ["t1", "t2", "t3"] {
        registry.register(&version(training, &report), "champion", &actor()).await.unwrap();
    }
    let champion = || {
        let registry = registry.clone();
        async move { registry.holder("m", "champion").await.unwrap().unwrap().version }
    };
    assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), Some((3, 2)));
    registry.register(&version("t3", &report), "champion", &actor()).await.unwrap();
    assert_eq!(champion().await, 2);
    assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), Some((2, 1)));
    assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), None);
    assert_eq!(registry.give("m", "champion", 3, &actor()).await.unwrap(), Some(1));
    assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), Some((3, 1)));
    // A new version is the champion of its own.
    registry.register(&version("t4", &report), "champion", &actor()).await.unwrap();
    assert_eq!(champion().await, 4);
    assert!(registry.give("m", "champion", 9, &actor()).await.is_err(), "there is no version 9");
    let history = registry.history("m").await.unwrap();
    assert!(history.iter().all(|entry| entry.who.as_deref() == Some("ann@here")));
    let what: Vec<(&str, i64)> = history.iter().map(|entry| (entry.what.as_str(), entry.version)).take(4).collect();
    assert_eq!(what, [("alias", 4), ("registered", 4), ("rolled back", 1), ("promoted", 3)]);
    let detail = registry.detail("m", 1).await.unwrap().unwrap();
    assert_eq!(detail.lineage.unwrap().sources["payments"], "d1");
    assert_eq!(registry.detail("m", 7).await.unwrap(), None);
}

/// The history only grows, and a registry of before who and why were kept is brought up to date.
#[tokio::test]
async fn an_older_registry_is_brought_up_to_date_and_its_history_stays() {
    use sqlx::Connection;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("registry.db");
    let url = format!("sqlite://{}?mode=rwc", path.display());
    let mut old = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for statement in OLD {
        sqlx::query(*statement).execute(&mut old).await.unwrap();
    }
    old.close().await.unwrap();
    let registry = Registry::open(&path).await.unwrap();
    let history = registry.history("m").await.unwrap();
    let told: Vec<(&str, Option<&str>)> =
        history.iter().map(|entry| (entry.what.as_str(), entry.alias.as_deref())).collect();
    assert_eq!(told, [("alias", Some("champion")), ("registered", None)]);
    let version = registry.holder("m", "champion").await.unwrap().unwrap();
    assert_eq!((version.version, version.definition), (1, None));
    registry.close().await;
    // Opened again, nothing is done twice.
    Registry::open(&path).await.unwrap().close().await;
    let mut raw = sqlx::SqliteConnection::connect(&url).await.unwrap();
    for statement in ["UPDATE history SET who = 'nobody'", "DELETE FROM history"] {
        let error = sqlx::query(statement).execute(&mut raw).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{error}");
    }
    sqlx::query("PRAGMA user_version = 99").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    assert!(matches!(Registry::open(&path).await, Err(StoreError::Later { found: 99, .. })));
}

/// A registry as it was first made.
const OLD: &[&str] = &[
    "CREATE TABLE versions (model TEXT NOT NULL, version INTEGER NOT NULL, created_at TEXT NOT NULL,
     training TEXT NOT NULL, plan TEXT NOT NULL, data TEXT NOT NULL, seed INTEGER NOT NULL, seconds REAL NOT NULL,
     artefact TEXT NOT NULL, report TEXT NOT NULL, PRIMARY KEY (model, version), UNIQUE (model, training))",
    "CREATE TABLE aliases (model TEXT NOT NULL, alias TEXT NOT NULL, version INTEGER NOT NULL,
     PRIMARY KEY (model, alias), FOREIGN KEY (model, version) REFERENCES versions (model, version))",
    "CREATE TABLE history (id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, model TEXT NOT NULL,
     version INTEGER NOT NULL, what TEXT NOT NULL)",
    "INSERT INTO versions VALUES ('m', 1, '2026-01-01T00:00:00Z', 't', 'p', 'd', 1, 0.5, 'a', '{}')",
    "INSERT INTO aliases VALUES ('m', 'champion', 1)",
    "INSERT INTO history (at, model, version, what) VALUES ('2026-01-01T00:00:00Z', 'm', 1, 'registered')",
    "INSERT INTO history (at, model, version, what) VALUES ('2026-01-01T00:00:00Z', 'm', 1, 'alias champion')",
];

#[test]
fn results_appear_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let slot = state.slot(&NodeId::new("source", "s"), &Fingerprint::of(b"one"));
    drop(slot.draft().unwrap());
    assert!(!slot.is_current());
    // What a killed run leaves is swept away by the next one.
    let abandoned = slot.draft().unwrap();
    let left = abandoned.folder().to_path_buf();
    std::mem::forget(abandoned);
    assert!(left.exists());
    let lock = state.lock().unwrap();
    assert!(!left.exists());
    assert!(matches!(state.lock(), Err(StoreError::Locked { .. })));
    drop(lock);
    state.lock().unwrap();
    let draft = slot.draft().unwrap();
    draft.write("report.json", &42).unwrap();
    draft.publish().unwrap();
    assert_eq!(slot.read::<i32>("report.json").unwrap(), 42);
}

#[test]
fn artefacts_are_kept_by_content() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(&folder.path().join("state")).unwrap();
    let model = folder.path().join("model");
    std::fs::create_dir(&model).unwrap();
    std::fs::write(model.join("w"), "weights").unwrap();
    let first = keep(&state, &model, &["report.json"]).unwrap();
    assert_eq!(first, keep(&state, &model, &["report.json"]).unwrap());
    std::fs::write(model.join("w"), "other weights").unwrap();
    assert_ne!(first.hash, keep(&state, &model, &["report.json"]).unwrap().hash);
}

#[test]
fn a_folder_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    State::open(folder.path()).unwrap();
    std::fs::write(folder.path().join("format"), "99").unwrap();
    assert!(matches!(State::open(folder.path()), Err(StoreError::Format { .. })));
}
