//! The registry on both databases: numbers, aliases, history, writers at the same time and writers that are killed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

#[path = "registry/earlier.rs"]
mod earlier;
#[path = "registry/place.rs"]
mod place;
#[path = "../../../tests/support/postgres.rs"]
mod postgres;
#[path = "registry/server.rs"]
mod server;
#[path = "registry/writers.rs"]
mod writers;

use std::collections::BTreeMap;

use mlsys_store::{Actor, Entry, Expected, Lineage, NewVersion, Registered, Registry};
use mlsys_training::TrainReport;
use place::Place;
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

/// Registers a training and makes it the champion.
async fn register(registry: &Registry, training: &str) -> Registered {
    let registered = registry.register(&version(training, &report()), "champion", Expected::Anything, &actor()).await;
    registered.unwrap().unwrap()
}

async fn champion(registry: &Registry) -> i64 {
    registry.holder("m", "champion").await.unwrap().unwrap().version
}

#[tokio::test]
async fn versions_are_numbered_and_the_alias_moves() {
    for place in Place::both() {
        let registry = place.open().await;
        assert_eq!(register(&registry, "t1").await, Registered { version: 1, fresh: true });
        assert_eq!(register(&registry, "t1").await, Registered { version: 1, fresh: false });
        assert_eq!(register(&registry, "t2").await, Registered { version: 2, fresh: true });
        registry.give("m", "candidate", 2, &actor()).await.unwrap();
        let versions = registry.versions("m").await.unwrap();
        let aliases: Vec<(i64, Vec<String>)> = versions.into_iter().map(|each| (each.version, each.aliases)).collect();
        assert_eq!(aliases, [(2, vec!["candidate".to_owned(), "champion".to_owned()]), (1, Vec::new())]);
        assert_eq!(registry.models().await.unwrap(), ["m"]);
        assert!(registry.versions("other").await.unwrap().is_empty());
    }
}

/// The champion goes back to the version before, and stays there when the same training is registered again.
#[tokio::test]
async fn what_was_done_by_hand_is_not_undone_by_a_run() {
    for place in Place::both() {
        let registry = place.open().await;
        for training in ["t1", "t2", "t3"] {
            register(&registry, training).await;
        }
        assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), Some((3, 2)));
        register(&registry, "t3").await;
        assert_eq!(champion(&registry).await, 2);
        assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), Some((2, 1)));
        assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), None);
        assert_eq!(registry.give("m", "champion", 3, &actor()).await.unwrap(), Some(1));
        assert_eq!(registry.go_back("m", "champion", &actor()).await.unwrap(), Some((3, 1)));
        // A new version is the champion of its own.
        register(&registry, "t4").await;
        assert_eq!(champion(&registry).await, 4);
        assert!(registry.give("m", "champion", 9, &actor()).await.is_err(), "there is no version 9");
        assert!(registry.give("nobody", "champion", 1, &actor()).await.is_err(), "there is no such model");
        assert_eq!(registry.models().await.unwrap(), ["m"]);
        let history = registry.history("m").await.unwrap();
        assert!(history.iter().all(|entry| entry.who.as_deref() == Some("ann@here")));
        let what: Vec<(&str, i64)> = history.iter().map(|entry| (entry.what.as_str(), entry.version)).take(4).collect();
        assert_eq!(what, [("alias", 4), ("registered", 4), ("rolled back", 1), ("promoted", 3)]);
        let detail = registry.detail("m", 1).await.unwrap().unwrap();
        assert_eq!(detail.lineage.unwrap().sources["payments"], "d1");
        assert_eq!(registry.detail("m", 7).await.unwrap(), None);
    }
}

/// What was judged against one champion is not registered over another one.
#[tokio::test]
async fn a_champion_that_was_not_judged_against_is_not_replaced() {
    for place in Place::both() {
        let registry = place.open().await;
        let attempt = async |training: &str, expected: Option<i64>| {
            let (report, expected) = (report(), Expected::Holder(expected));
            let registered = registry.register(&version(training, &report), "champion", expected, &actor()).await;
            registered.unwrap().map(|registered| registered.version)
        };
        assert_eq!(attempt("t1", None).await, Some(1));
        assert_eq!(attempt("t2", None).await, None);
        assert_eq!(attempt("t2", Some(1)).await, Some(2));
        assert_eq!(attempt("t3", Some(1)).await, None);
        assert_eq!(attempt("t3", Some(2)).await, Some(3));
        assert_eq!(is_whole(&registry).await, 3);
    }
}

/// Whatever is asked, the answer does not depend on the database.
#[tokio::test]
async fn both_databases_give_the_same_answers() {
    let mut answers = Vec::new();
    for place in Place::both() {
        let registry = place.open().await;
        for training in ["t1", "t2", "t3"] {
            register(&registry, training).await;
        }
        registry.give("m", "candidate", 1, &Actor { why: None, ..actor() }).await.unwrap();
        registry.give("m", "näheres 'und' \"mehr\" \\ $1", 1, &actor()).await.unwrap();
        registry.go_back("m", "champion", &actor()).await.unwrap();
        registry.removed("m", 1, &actor()).await.unwrap();
        registry.note("m", 2, "exported", &actor()).await.unwrap();
        // Closed and opened again, it is the same one.
        registry.close().await;
        let registry = place.open().await;
        let details = [registry.detail("m", 1).await.unwrap(), registry.detail("m", 3).await.unwrap()];
        let mut told = serde_json::json!({
            "models": registry.models().await.unwrap(),
            "versions": registry.versions("m").await.unwrap(),
            "history": registry.history("m").await.unwrap(),
            "details": details,
        });
        without_times(&mut told);
        answers.push(told);
    }
    assert_eq!(answers[0]["versions"].as_array().unwrap().len(), 3);
    assert_eq!(answers[0]["history"].as_array().unwrap().len(), 11);
    assert_eq!(answers[0], answers[1]);
}

/// The history only grows, whoever asks.
#[tokio::test]
async fn nobody_rewrites_the_history() {
    for place in Place::both() {
        let registry = place.open().await;
        register(&registry, "t1").await;
        for statement in ["UPDATE history SET who = 'nobody'", "DELETE FROM history"] {
            let error = place.tell(statement).await.unwrap_err();
            assert!(error.contains("append-only"), "{error}");
        }
        if place.is_server() {
            let error = place.tell("TRUNCATE history").await.unwrap_err();
            assert!(error.contains("append-only"), "{error}");
        }
        assert_eq!(registry.history("m").await.unwrap().len(), 2);
    }
}

/// Moments are replaced by whether they are there.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            for (name, value) in entries {
                match name.as_str() {
                    "at" | "created_at" | "removed_at" => *value = value.is_string().into(),
                    _ => without_times(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_times),
        _ => {}
    }
}

/// Versions are numbered without gaps, each was registered once, and every alias moved from the version that had it to the one
/// that the history says: as if writers had come one after the other. The number of versions.
async fn is_whole(registry: &Registry) -> usize {
    let versions = registry.versions("m").await.unwrap();
    let numbers: Vec<i64> = versions.iter().rev().map(|version| version.version).collect();
    assert_eq!(numbers, (1..=i64::try_from(versions.len()).unwrap()).collect::<Vec<i64>>());
    assert!(versions.iter().all(|version| version.definition.is_some()));
    let history: Vec<Entry> = registry.history("m").await.unwrap().into_iter().rev().collect();
    let registered: Vec<i64> =
        history.iter().filter(|entry| entry.what == "registered").map(|entry| entry.version).collect();
    assert_eq!(registered, numbers);
    let mut holders: BTreeMap<&str, i64> = BTreeMap::new();
    for entry in &history {
        if let Some(alias) = &entry.alias {
            assert_eq!(holders.insert(alias, entry.version), entry.previous, "{entry:?}");
        }
    }
    for version in &versions {
        let held: Vec<&str> =
            holders.iter().filter(|(_, held)| **held == version.version).map(|(name, _)| *name).collect();
        assert_eq!(version.aliases, held, "version {}", version.version);
    }
    versions.len()
}
