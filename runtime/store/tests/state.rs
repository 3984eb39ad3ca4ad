//! The state folder: what appears whole, who may work, what is kept by its content.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use mlsys_plan::{Fingerprint, NodeId};
use mlsys_store::{State, StoreError, keep};

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
