//! Groups over every store that needs no server: what lasts, what is let go, what readers see, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use common::{MINUTE, ROOM, features, keys, layout, rows};
use mlsys_aggregates::{Parameters, by_name};
use mlsys_online::stores::embedded::Durability;
use mlsys_online::stores::{Embedded, Memory};
use mlsys_online::{
    Added, Asked, Commit, Frame, Groups, Guard, Item, Kept, Layout, Measure, OnlineError, Order, Replaced, Seen, Space,
    Store,
};
use mlsys_plan::Window;

const ENTITIES: i64 = 300;

fn embedded(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    Arc::new(Embedded::open(folder.path(), Durability::Power).unwrap())
}

async fn open(store: &Arc<dyn Store>, room: usize) -> Groups {
    Groups::open(Arc::clone(store), vec![("spend".to_owned(), layout(true))], room).await.unwrap()
}

/// With hardly any memory, entities come and go between store and memory all the time, and are what they are otherwise.
#[tokio::test]
async fn little_memory_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let plain: Arc<dyn Store> = Arc::new(Memory::new());
    let wanted = open(&plain, ROOM).await;
    let disk = embedded(&folder);
    let little = open(&disk, 20_000).await;
    for start in (0..6_000).step_by(250) {
        for groups in [&wanted, &little] {
            let (keys, batch) = rows(groups.groups()[0].layout(), start, start + 250, ENTITIES);
            let outcome = groups.add(0, &keys, &batch, None).await.unwrap();
            assert!(outcome.iter().all(|one| *one == Added::New));
            groups.forget(0, (start - 400) * 1_000_000);
            groups.commit(Commit::default()).await.unwrap();
        }
        let at = (start + 251) * 1_000_000;
        assert_eq!(features(&little, ENTITIES, at).await, features(&wanted, ENTITIES, at).await);
    }
    assert!(little.groups()[0].entities() < 290, "{} entities", little.groups()[0].entities());
    assert!(wanted.groups()[0].entities() > 290);
    drop(little);
    let again = open(&disk, 1 << 20).await;
    let at = 6_100_000_000;
    assert_eq!(features(&again, ENTITIES, at).await, features(&wanted, ENTITIES, at).await);
}

/// Two jobs share a store: what one has stored the other one sees at once, and of two that change an entity at the same time
/// the second one has to read it again.
#[tokio::test]
async fn jobs_that_share_a_store_overwrite_nothing() {
    let store: Arc<dyn Store> = Arc::new(Memory::shared());
    let (one, other) = (open(&store, ROOM).await, open(&store, ROOM).await);
    let plain = open(&(Arc::new(Memory::new()) as Arc<dyn Store>), ROOM).await;
    let add = async |groups: &Groups, from: i64| {
        let (some, batch) = rows(groups.groups()[0].layout(), from, from + 100, 7);
        groups.add(0, &some, &batch, None).await.unwrap();
    };
    let at = 2_000_000_000;
    for from in (0..1_000).step_by(200) {
        for (groups, from) in [(&one, from), (&other, from + 100)] {
            add(groups, from).await;
            add(&plain, from).await;
            groups.commit(Commit::default()).await.unwrap();
            assert_eq!(groups.groups()[0].entities(), 0);
        }
        assert_eq!(features(&one, 7, at).await, features(&plain, 7, at).await);
    }
    add(&one, 1_000).await;
    add(&other, 1_100).await;
    other.commit(Commit::default()).await.unwrap();
    assert!(matches!(one.commit(Commit::default()).await, Err(OnlineError::Overtaken)));
    one.reset().await;
    add(&one, 1_000).await;
    one.commit(Commit::default()).await.unwrap();
    for from in [1_000, 1_100] {
        add(&plain, from).await;
    }
    assert_eq!(features(&other, 7, at).await, features(&plain, 7, at).await);
    // What is kept for another definition is not written to, and a guard that does not hold stops a commit.
    let item = |value: Option<&[u8]>| (Space::Leases, b"x".to_vec(), value.map(<[u8]>::to_vec));
    let (space, key, value) = item(Some(b"1"));
    store.commit(Commit { items: vec![Item { space, key, value }], ..Commit::default() }).await.unwrap();
    for (found, is_stored) in [(None, false), (Some(b"2".as_slice()), false), (Some(b"1"), true)] {
        let (space, key, value) = item(found);
        let commit = Commit { guards: vec![Guard { space, key, value }], ..Commit::default() };
        assert_eq!(store.commit(commit).await.is_ok(), is_stored);
    }
    add(&one, 1_200).await;
    Groups::clear(store.as_ref(), "spend").await.unwrap();
    assert!(matches!(one.check().await, Err(OnlineError::OtherLayout { .. })));
    assert!(matches!(one.commit(Commit::default()).await, Err(OnlineError::Overtaken)));
}

/// What has not been committed is not there after a restart.
#[tokio::test]
async fn what_lasts_is_what_was_committed() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let groups = open(&store, ROOM).await;
    let (some, batch) = rows(groups.groups()[0].layout(), 0, 500, 5);
    groups.add(0, &some, &batch, None).await.unwrap();
    groups.commit(Commit::default()).await.unwrap();
    let committed = features(&groups, 5, 1_000_000_000).await;
    let (some, batch) = rows(groups.groups()[0].layout(), 500, 900, 5);
    groups.add(0, &some, &batch, None).await.unwrap();
    assert_ne!(features(&groups, 5, 1_000_000_000).await, committed);
    groups.reset().await;
    assert_eq!(features(&groups, 5, 1_000_000_000).await, committed);
}

/// Rows that come while others are being stored belong to the next commit; commits are stored in order.
#[tokio::test]
async fn commits_overlap_with_rows() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let groups = open(&store, 0).await;
    let mut states = Vec::new();
    let mut begun = Vec::new();
    for start in [0, 300, 600] {
        let (some, batch) = rows(groups.groups()[0].layout(), start, start + 300, 5);
        groups.add(0, &some, &batch, None).await.unwrap();
        begun.push(groups.begin().await.unwrap());
        states.push(features(&groups, 5, 2_000_000_000).await);
    }
    let late = begun.pop().unwrap();
    for (begun, state) in begun.into_iter().zip(&states) {
        assert_eq!(begun.entities(), 5);
        groups.finish(begun, Commit::default()).await.unwrap();
        // There is no room, but what is not stored stays.
        assert_eq!(features(&groups, 5, 2_000_000_000).await, states[2]);
        let stored = open(&store, ROOM).await;
        assert_eq!(features(&stored, 5, 2_000_000_000).await, *state);
    }
    let early = groups.begin().await.unwrap();
    assert!(groups.finish(early, Commit::default()).await.is_err());
    groups.finish(late, Commit::default()).await.unwrap();
    assert_eq!(features(&open(&store, ROOM).await, 5, 2_000_000_000).await, states[2]);
}

/// A row that goes from one moment or entity to another is never counted twice, nor left out, by a reader.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_every_row_once() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let groups = Arc::new(open(&store, ROOM).await);
    let layout = layout(true);
    let (_, versions) = rows(&layout, 0, 400, 1);
    let one = keys(std::iter::once(1));
    let first = rows(&layout, 0, 1, 1).1;
    groups.add(0, &one, &first, None).await.unwrap();
    let is_done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (groups, is_done) = (Arc::clone(&groups), Arc::clone(&is_done));
        tokio::spawn(async move {
            let one = keys(std::iter::once(1));
            let mut reads = 0;
            while !is_done.load(Ordering::Acquire) || reads == 0 {
                let asked = Asked { group: 0, keys: &one, moments: &[i64::MAX / 2] };
                // The tenth is the first over all rows: how many there are.
                let columns = groups.features(&[asked]).await.unwrap();
                assert_eq!(columns[0][10].as_primitive::<Int64Type>().value(0), 1);
                reads += 1;
                tokio::task::yield_now().await;
            }
            reads
        })
    };
    for version in 1..versions.len() {
        let (number, before) = (i64::try_from(version).unwrap(), i64::try_from(version - 1).unwrap());
        let (_, old) = rows(&layout, before, before + 1, 1);
        let (_, new) = rows(&layout, number, number + 1, 1);
        let replaced = Replaced { keys: &one, rows: &old, by: &[0] };
        assert_eq!(groups.add(0, &one, &new, Some(replaced)).await.unwrap(), [Added::New]);
        if version % 50 == 0 {
            groups.commit(Commit::default()).await.unwrap();
        }
        tokio::task::yield_now().await;
    }
    is_done.store(true, Ordering::Release);
    assert!(reader.await.unwrap() > 0);
    // It may go to another entity as well.
    let (_, old) = rows(&layout, 399, 400, 1);
    let (_, new) = rows(&layout, 400, 401, 1);
    let replaced = Replaced { keys: &one, rows: &old, by: &[0] };
    groups.add(0, &keys(std::iter::once(2)), &new, Some(replaced)).await.unwrap();
    let count = |line: &str| line.split(' ').nth(12).map(str::to_owned);
    let lines = features(&groups, 3, i64::MAX / 2).await;
    assert_eq!(lines[1], lines[0], "{:?}", count(&lines[1]));
    assert_ne!(lines[2], lines[0]);
}

#[tokio::test]
async fn state_of_another_layout_is_refused() {
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let groups = open(&store, ROOM).await;
    let (some, batch) = rows(groups.groups()[0].layout(), 0, 10, 5);
    groups.add(0, &some, &batch, None).await.unwrap();
    groups.commit(Commit::default()).await.unwrap();
    let other = || {
        let measure = Measure {
            kernel: by_name("count").unwrap(),
            argument: None,
            parameters: Parameters::new(),
            frame: Frame::of(Window::All),
        };
        let kept = Kept {
            keys: vec![DataType::Int64],
            arguments: Vec::new(),
            order: Vec::new(),
            is_keyed: false,
            measures: vec![measure],
        };
        vec![("spend".to_owned(), Layout::new(kept).unwrap())]
    };
    let error = Groups::open(Arc::clone(&store), other(), ROOM).await.err().unwrap();
    assert!(matches!(error, OnlineError::OtherLayout { .. }), "{error}");
    Groups::clear(store.as_ref(), "spend").await.unwrap();
    let groups = Groups::open(Arc::clone(&store), other(), ROOM).await.unwrap();
    assert_eq!(features(&groups, 2, 1_000_000_000).await, ["0", "0"]);
}

/// Entities of which no rows come any more leave once nothing can see them, from memory and from the store.
#[tokio::test]
async fn idle_entities_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    for store in [Arc::new(Memory::new()) as Arc<dyn Store>, embedded(&folder)] {
        let layout = || {
            let measure = Measure {
                kernel: by_name("count").unwrap(),
                argument: None,
                parameters: Parameters::new(),
                frame: Frame::of(Window::Range { width: 60 * MINUTE }),
            };
            let kept = Kept {
                keys: vec![DataType::Int64],
                arguments: vec![DataType::Float64, DataType::Int64, DataType::Utf8],
                order: vec![Order::Column(DataType::Int64)],
                is_keyed: true,
                measures: vec![measure],
            };
            Layout::new(kept).unwrap()
        };
        let groups = vec![("other".to_owned(), layout()), ("spend".to_owned(), layout())];
        let groups = Groups::open(store, groups, ROOM).await.unwrap();
        for (group, entities) in [(0, 7), (1, 50)] {
            let (keys, batch) = rows(groups.groups()[group].layout(), 0, 1_000, entities);
            groups.add(group, &keys, &batch, None).await.unwrap();
        }
        groups.commit(Commit::default()).await.unwrap();
        groups.reset().await;
        // Half of the rows of each have gone an hour later, all of them two hours later.
        for (hour, left) in [(60 * MINUTE + 500_000_000, 50), (120 * MINUTE, 0)] {
            groups.forget(1, hour);
            let (mut after, mut looks) = (None, 0);
            loop {
                after = groups.sweep(1, after.as_deref(), 8).await.unwrap();
                groups.commit(Commit::default()).await.unwrap();
                looks += 1;
                if after.is_none() {
                    break;
                }
            }
            assert!(looks > 50 / 8, "{looks}");
            assert_eq!(groups.store().keys("spend", None, 1_000).await.unwrap().len(), left);
        }
        assert_eq!(groups.groups()[1].entities(), 0);
        assert_eq!(groups.store().keys("other", None, 1_000).await.unwrap().len(), 7);
    }
}

/// What a job remembers, in each store.
#[tokio::test]
async fn what_a_job_remembers() {
    let folder = tempfile::tempdir().unwrap();
    for store in [Arc::new(Memory::new()) as Arc<dyn Store>, embedded(&folder)] {
        let waiting = |at: i64, row: &str| Item {
            space: Space::Histories,
            key: [&Space::instant(at)[..], row.as_bytes()].concat(),
            value: Some(row.as_bytes().to_vec()),
        };
        let position = |value: Option<&[u8]>| Item {
            space: Space::Positions,
            key: b"p".to_vec(),
            value: value.map(<[u8]>::to_vec),
        };
        let seen = |all: &[(&str, i64)]| {
            let mut seen = Seen::default();
            all.iter()
                .for_each(|(key, until)| seen.put(key.as_bytes(), *until, |out| out.extend(until.to_string().bytes())));
            Arc::new(seen)
        };
        let commit = Commit {
            items: vec![waiting(5, "c"), waiting(-5, "a"), waiting(5, "b"), position(Some(b"7"))],
            seen: seen(&[("x", 10), ("y", 20)]),
            ..Commit::default()
        };
        store.commit(commit).await.unwrap();
        let found = store.scan(Space::Histories, &Space::instant(i64::MIN), 10).await.unwrap();
        let rows: Vec<&[u8]> = found.iter().map(|(_, value)| value.as_slice()).collect();
        assert_eq!(rows, [b"a", b"b", b"c"]);
        assert_eq!(store.scan(Space::Histories, &Space::instant(0), 1).await.unwrap().len(), 1);
        assert_eq!(
            store.items(Space::Positions, &[b"p".to_vec(), b"q".to_vec()]).await.unwrap(),
            [Some(b"7".to_vec()), None]
        );
        // One that is seen again is remembered for longer.
        let commit = Commit { seen: seen(&[("x", 30)]), items: vec![position(None)], ..Commit::default() };
        store.commit(commit).await.unwrap();
        store.expire(25, 100).await.unwrap();
        let known = store.seen(&[b"x", b"y"]).await.unwrap();
        assert_eq!(known, [Some(b"30".to_vec()), None]);
        assert_eq!(store.items(Space::Positions, &[b"p".to_vec()]).await.unwrap(), [None]);
    }
}

#[tokio::test]
async fn a_folder_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Embedded::open(folder.path(), Durability::Power).unwrap();
    let error = Embedded::open(folder.path(), Durability::Power).err().unwrap();
    assert_eq!(error.to_string(), "the online store (embedded) failed: another process has it open");
}
