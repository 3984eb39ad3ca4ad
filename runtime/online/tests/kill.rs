//! A job that is killed at any point and started again comes to the state of one that was not.

#![allow(clippy::print_stderr, reason = "what happened to the jobs is shown with the output of a test that fails")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use common::{ROOM, features, layout, rows};
use mlsys_online::stores::embedded::Durability;
use mlsys_online::stores::{Embedded, Memory};
use mlsys_online::{Commit, Groups, Item, Seen, Space, Store};

const ENTITIES: i64 = 40;
const ROWS: i64 = 60_000;
const BATCH: i64 = 200;
const KILLS: u64 = 50;
/// The environment variable with the folder of the job that is killed.
const FOLDER: &str = "MLSYS_ONLINE_TEST_FOLDER";

/// A row that is added twice counts twice.
async fn open(store: Arc<dyn Store>) -> Groups {
    Groups::open(store, vec![("spend".to_owned(), layout(false))], ROOM).await.unwrap()
}

/// The next row to be read.
async fn position(groups: &Groups) -> i64 {
    let found = groups.store().items(Space::Positions, &[b"0".to_vec()]).await.unwrap().remove(0);
    found.map_or(0, |bytes| i64::from_le_bytes(bytes.try_into().unwrap()))
}

/// Reads rows from where the last commit left off, and commits after every batch.
async fn work(groups: &Groups) {
    let mut next = position(groups).await;
    while next < ROWS {
        let (keys, batch) = rows(groups.groups()[0].layout(), next, next + BATCH, ENTITIES);
        groups.add(0, &keys, &batch, None).await.unwrap();
        groups.forget(0, (next - 400) * 1_000_000);
        next += BATCH;
        let waiting = [&Space::instant(next)[..], b"row"].concat();
        let until = next;
        let commit = Commit {
            version: next.cast_unsigned(),
            items: vec![
                Item { space: Space::Positions, key: b"0".to_vec(), value: Some(next.to_le_bytes().to_vec()) },
                Item { space: Space::Histories, key: waiting, value: Some(Vec::new()) },
            ],
            seen: Arc::new(Seen::from_iter([(next.to_le_bytes().as_slice(), b"here".as_slice(), until)])),
            ..Commit::default()
        };
        groups.commit(commit).await.unwrap();
    }
}

/// The job that is killed, which another test starts in a process of its own; without the variable there is none.
#[tokio::test]
async fn job() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = Embedded::open(Path::new(&folder), Durability::Process).unwrap();
    work(&open(Arc::new(store)).await).await;
}

#[tokio::test]
async fn a_job_that_is_killed_comes_to_the_same_state() {
    let folder = tempfile::tempdir().unwrap();
    let mut seed = 11_u64;
    let mut killed = 0;
    for _ in 0..KILLS {
        let mut job = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "job"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        // When it is killed decides nothing but what the test sees of it.
        tokio::time::sleep(Duration::from_millis(20 + (seed >> 33) % 130)).await;
        killed += u32::from(job.try_wait().unwrap().is_none());
        job.kill().unwrap();
        job.wait().unwrap();
    }
    let groups = open(Arc::new(Embedded::open(folder.path(), Durability::Process).unwrap())).await;
    let reached = position(&groups).await;
    assert!(killed > 0, "no job was running when it was to be killed");
    work(&groups).await;
    let straight = open(Arc::new(Memory::new())).await;
    work(&straight).await;
    eprintln!("{killed} jobs were killed, the last at row {reached} of {ROWS}");
    for at in [ROWS - 390, ROWS, ROWS + 700] {
        let (found, wanted) =
            (features(&groups, ENTITIES, at * 1_000_000), features(&straight, ENTITIES, at * 1_000_000));
        assert_eq!(found.await, wanted.await);
    }
    let waiting = groups.store().scan(Space::Histories, &Space::instant(0), usize::MAX).await.unwrap();
    assert_eq!(i64::try_from(waiting.len()).unwrap(), ROWS / BATCH);
    assert!(waiting.is_sorted());
}
