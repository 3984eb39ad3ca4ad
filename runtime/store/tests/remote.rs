//! A store that machines share, over objects in memory: large files in pieces, and what a secret is told to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mlsys_plan::{Fingerprint, NodeId};
use mlsys_store::{Objects, REPORT, Remote, Slot, State};
use object_store::memory::InMemory;
use tempfile::TempDir;

/// A state folder, and its place for a result.
fn machine() -> (TempDir, State, Slot) {
    let folder = tempfile::tempdir().unwrap();
    let state = State::open(folder.path()).unwrap();
    let slot = state.slot(&NodeId::new("train", "fraud"), &Fingerprint::of(b"result"));
    (folder, state, slot)
}

/// Bytes that no two places of a file have in common.
fn bytes(length: u32) -> Vec<u8> {
    (0..length / 4).flat_map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()).collect()
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn large_files_go_and_come_in_pieces() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    let remote = Remote::over(objects, "", "memory");
    remote.begin().await.unwrap();
    let (large, empty) = (bytes(21 << 20), Vec::new());
    let (_first, state, slot) = machine();
    let shared: BTreeSet<PathBuf> = ["parts/a/one.parquet", "parts/a/two.parquet"].map(PathBuf::from).into();
    write(&state.root().join("parts/a/one.parquet"), &large);
    write(&state.root().join("parts/a/two.parquet"), &empty);
    let draft = slot.draft().unwrap();
    write(&draft.file("model/weights"), &large);
    draft.write(REPORT, &"fine").unwrap();
    draft.publish().unwrap();
    assert!(!remote.has_result(&state, &slot).await.unwrap());
    remote.push(&state, &slot, &shared, &BTreeSet::new()).await.unwrap();

    let (_second, state, slot) = machine();
    assert!(remote.has_result(&state, &slot).await.unwrap());
    let draft = slot.draft().unwrap();
    assert!(remote.pull(&state, &slot, &draft).await.unwrap());
    draft.publish().unwrap();
    assert_eq!(std::fs::read(slot.file("model/weights")).unwrap(), large);
    assert_eq!(slot.read::<String>(REPORT).unwrap(), "fine");
    assert!(remote.pull_files(&state, &shared).await.unwrap());
    assert_eq!(std::fs::read(state.root().join("parts/a/one.parquet")).unwrap(), large);
    assert_eq!(std::fs::read(state.root().join("parts/a/two.parquet")).unwrap(), empty);
    let absent = BTreeSet::from([PathBuf::from("parts/a/three.parquet")]);
    assert!(!remote.pull_files(&state, &absent).await.unwrap());
    // Nothing unfinished stays beside.
    assert_eq!(std::fs::read_dir(state.root().join("parts/a")).unwrap().count(), 2);
}

/// What is printed of a store says where it is, and nothing of what the environment holds.
#[test]
fn a_store_is_shown_by_its_address() {
    let remote = Remote::open("s3://bucket/prefix").unwrap();
    assert_eq!(format!("{remote:?}"), r#"Remote("s3://bucket/prefix")"#);
}

/// The files of a version that one machine has registered are fetched by another, whole and as they were, or not at all.
#[tokio::test]
async fn files_of_versions_go_and_come() {
    let objects: Arc<dyn Objects> = Arc::new(InMemory::new());
    let remote = Remote::over(Arc::clone(&objects), "team", "memory");
    let (first, state, _) = machine();
    write(&first.path().join("trained/weights"), &bytes(1 << 20));
    write(&first.path().join("trained/description.json"), b"{}");
    let artefact = mlsys_store::keep(&state, &first.path().join("trained"), &[]).unwrap();
    remote.push_artefact(&state, &artefact.hash).await.unwrap();
    remote.push_artefact(&state, &artefact.hash).await.unwrap();

    let (_second, state, _) = machine();
    let folder = state.models().join(&artefact.hash);
    assert!(remote.pull_artefact(&state, &artefact.hash).await.unwrap());
    assert_eq!(std::fs::read(folder.join("weights")).unwrap(), bytes(1 << 20));
    assert!(!remote.pull_artefact(&state, "0123").await.unwrap());
    for outside in ["../models/0123", "/tmp", "", "."] {
        assert!(!remote.pull_artefact(&state, outside).await.unwrap(), "{outside}");
    }

    // What has another content than its name says is nobody's model.
    let name = object_store::path::Path::from(format!("team/models/{}/weights", artefact.hash));
    object_store::ObjectStoreExt::put(&objects, &name, "other weights".into()).await.unwrap();
    let (_third, state, _) = machine();
    assert!(!remote.pull_artefact(&state, &artefact.hash).await.unwrap());
    assert_eq!(std::fs::read_dir(state.models()).unwrap().count(), 0);
}
