//! The registry and the state folder: numbers, aliases, what appears whole, who may work.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::collections::BTreeMap;

use mlsys_plan::{Fingerprint, NodeId};
use mlsys_store::{NewVersion, Registered, Registry, State, StoreError, keep};
use mlsys_training::TrainReport;

fn report() -> TrainReport {
    TrainReport {
        parts: BTreeMap::new(),
        left_out: 0,
        epochs: Vec::new(),
        best_epoch: 1,
        parameters: 1,
        inputs: Vec::new(),
        trials: Vec::new(),
        best_trial: None,
        seconds: 0.5,
    }
}

fn version<'a>(training: &'a str, report: &'a TrainReport) -> NewVersion<'a> {
    NewVersion { model: "m", training, definition: "i", plan: "p", data: "d", seed: 7, artefact: "a", report }
}

#[tokio::test]
async fn versions_are_numbered_and_the_alias_moves() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(&folder.path().join("registry.db")).await.unwrap();
    let report = report();
    let first = registry.register(&version("t1", &report), "champion").await.unwrap();
    assert_eq!(first, Registered { version: 1, fresh: true });
    let again = registry.register(&version("t1", &report), "champion").await.unwrap();
    assert_eq!(again, Registered { version: 1, fresh: false });
    let second = registry.register(&version("t2", &report), "champion").await.unwrap();
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
            registry.register(&version(&training, &report), "champion").await.unwrap().version
        }));
    }
    let mut numbers = Vec::new();
    for writer in writers {
        numbers.push(writer.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<i64>>());
}

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
    let first = keep(&state, &model, &["w"]).unwrap();
    assert_eq!(first, keep(&state, &model, &["w"]).unwrap());
    std::fs::write(model.join("w"), "other weights").unwrap();
    assert_ne!(first.hash, keep(&state, &model, &["w"]).unwrap().hash);
}

#[test]
fn a_folder_of_another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    State::open(folder.path()).unwrap();
    std::fs::write(folder.path().join("format"), "99").unwrap();
    assert!(matches!(State::open(folder.path()), Err(StoreError::Format { .. })));
}
