//! Writers at the same time, writers that give up, and writers that are killed.

use std::pin::pin;
use std::process::{Child, Command, Stdio};
use std::task::Poll;
use std::time::{Duration, Instant};

use mlsys_store::Expected;

use crate::place::{self, Place};
use crate::{actor, champion, is_whole, register, report, version};

/// How many write at a time.
const WRITERS: usize = 8;

/// How many versions each registers.
const EACH: usize = 5;

/// Names the registry that a process of a test writes to until it is killed.
const WRITE_TO: &str = "MLSYS_TEST_WRITE_TO";

/// Every writer has connections of its own, as a process has; the first of them make the tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_at_the_same_time_come_one_after_the_other() {
    for place in Place::both() {
        let mut writers = Vec::new();
        for writer in 0..WRITERS {
            let name = place.name();
            writers.push(tokio::spawn(async move {
                let registry = place::open(&name).await;
                for turn in 0..EACH {
                    let registered = register(&registry, &format!("t{writer}-{turn}")).await;
                    assert!(registered.fresh);
                    registry
                        .give("m", &format!("candidate_{}", writer % 2), registered.version, &actor())
                        .await
                        .unwrap();
                    registry.give("m", "champion", 1, &actor()).await.unwrap();
                    registry.go_back("m", "champion", &actor()).await.unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let registry = place.open().await;
        assert_eq!(is_whole(&registry).await, WRITERS * EACH);
        assert!((1..=40).contains(&champion(&registry).await));
    }
}

/// The same training that several machines have done is one version.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_training_is_one_version_whoever_registers_it() {
    for place in Place::both() {
        let mut writers = Vec::new();
        for _ in 0..WRITERS {
            let name = place.name();
            writers.push(tokio::spawn(async move { register(&place::open(&name).await, "t").await }));
        }
        let mut fresh = 0;
        for writer in writers {
            let registered = writer.await.unwrap();
            assert_eq!(registered.version, 1);
            fresh += usize::from(registered.fresh);
        }
        assert_eq!((fresh, is_whole(&place.open().await).await), (1, 1));
    }
}

/// Dropped before its first statement, after its last one, and at many moments between them.
#[tokio::test]
async fn a_writer_that_gives_up_leaves_nothing_half_done() {
    for place in Place::both() {
        let registry = place.open().await;
        register(&registry, "first").await;
        let (mut given_up, mut done) = (0, 0);
        for times in 0..100 {
            let (training, report) = (format!("t{times}"), report());
            let (new, actor) = (version(&training, &report), actor());
            let registered = registry.register(&new, "champion", Expected::Anything, &actor);
            match polled(registered, times).await {
                Some(registered) => done += usize::from(registered.unwrap().is_some()),
                None => given_up += 1,
            }
        }
        // The one that is certain to be done shows that no lock was left behind.
        register(&registry, "last").await;
        assert!(is_whole(&registry).await >= done + 2);
        // How often a writer is polled depends on the machine; nobody is done before the second time.
        assert!(given_up > 1, "{given_up} were given up, {done} were done");
    }
}

/// Polls a future so many times and then drops it, wherever it is.
async fn polled<F: Future>(future: F, times: usize) -> Option<F::Output> {
    let (mut future, mut left) = (pin!(future), times);
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[test]
fn a_writer_that_is_killed_leaves_nothing_half_done() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(name) = std::env::var(WRITE_TO) {
        return runtime.block_on(write_until_killed(&name));
    }
    for place in Place::both() {
        let registry = runtime.block_on(place.open());
        for round in 1..=5 {
            let before = runtime.block_on(is_whole(&registry));
            let mut writers: Vec<Child> = (0..3).map(|_| writer(&place)).collect();
            let began = Instant::now();
            // They are in the middle of it, each round at another moment.
            while runtime.block_on(registry.versions("m")).unwrap().len() < before + 3 + round {
                assert!(began.elapsed() < Duration::from_secs(60), "nobody writes");
                std::thread::sleep(Duration::from_millis(3));
            }
            for writer in &mut writers {
                writer.kill().unwrap();
                writer.wait().unwrap();
            }
            runtime.block_on(register(&registry, &format!("after {round}")));
            assert!(runtime.block_on(is_whole(&registry)) >= before + 4 + round);
        }
    }
}

/// A process that writes until it is killed: this test once more.
fn writer(place: &Place) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["writers::a_writer_that_is_killed_leaves_nothing_half_done", "--exact"])
        .env(WRITE_TO, place.name())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn write_until_killed(name: &str) {
    let registry = place::open(name).await;
    let began = Instant::now();
    let mut turn = 0;
    // A writer whose test is gone ends by itself.
    while began.elapsed() < Duration::from_secs(60) {
        turn += 1;
        register(&registry, &format!("t{}-{turn}", std::process::id())).await;
    }
}
