//! How requests are gathered into passes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::future::join_all;
use hyper::StatusCode;
use mlsys_plan::{Call, Deployment, Value};
use mlsys_serve::Options;
use proptest::prelude::*;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{Doubling, POISON, Started, deployment, start};

fn batched(max: i64, delay: i64, queue: i64, parallel: i64) -> Deployment {
    let args = [("max", max), ("queue", queue), ("parallel", parallel)];
    let mut args: BTreeMap<String, Value> =
        args.into_iter().map(|(name, value)| (name.to_owned(), Value::Int(value))).collect();
    args.insert("delay".to_owned(), Value::Duration(delay));
    Deployment { batch: Some(Call { name: "batch".to_owned(), args }), ..deployment() }
}

/// Asks for ids of several requests at once, after the pass before them has begun.
async fn ask_behind(
    server: &Arc<Started>,
    gate: &Semaphore,
    bodies: &[String],
) -> Vec<(StatusCode, serde_json::Value)> {
    let ask = |body: String| {
        let server = Arc::clone(server);
        tokio::spawn(async move {
            let reply = server.ask(body).await;
            (reply.status, reply.json())
        })
    };
    let mut asking = vec![ask(r#"{"id":1000}"#.to_owned())];
    server.wait_for_pending(1).await;
    for (index, body) in bodies.iter().enumerate() {
        asking.push(ask(body.clone()));
        server.wait_for_pending(index + 2).await;
    }
    // What is pending has been admitted; it waits in the queue once its body is read.
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    gate.add_permits(1_000);
    join_all(asking).await.into_iter().map(Result::unwrap).skip(1).collect()
}

fn one(id: i64) -> String {
    format!(r#"{{"id":{id}}}"#)
}

#[tokio::test]
async fn what_waits_goes_together_when_a_pass_ends() {
    let gate = Arc::new(Semaphore::new(0));
    let scorer = Arc::new(Doubling::gated(1, &gate));
    let server = Arc::new(start(batched(3, 0, 100, 1), scorer.clone(), Options::default()).await);
    let bodies: Vec<String> = (0..5).map(one).collect();
    for (id, (status, body)) in ask_behind(&server, &gate, &bodies).await.into_iter().enumerate() {
        assert_eq!((status, &body["predictions"]), (StatusCode::OK, &json!([{"prediction": 2 * id}])));
    }
    assert_eq!(*scorer.passes.lock().unwrap(), [1, 3, 2]);
    assert_eq!(scorer.most_running.load(Ordering::SeqCst), 1);
    let text = server.server.metrics_text();
    assert!(text.contains(r#"batch_release_total{deployment="double",reason="full"} 1"#), "{text}");
    assert!(text.contains(r#"batch_release_total{deployment="double",reason="idle"} 2"#), "{text}");
}

#[tokio::test]
async fn a_poisoned_request_does_not_fail_those_beside_it() {
    let gate = Arc::new(Semaphore::new(0));
    let scorer = Arc::new(Doubling::gated(1, &gate));
    let server = Arc::new(start(batched(10, 0, 100, 1), scorer.clone(), Options::default()).await);
    let answers = ask_behind(&server, &gate, &[one(1), one(POISON), one(3)]).await;
    let statuses: Vec<u16> = answers.iter().map(|(status, _)| status.as_u16()).collect();
    assert_eq!(statuses, [200, 500, 200]);
    assert_eq!(answers[1].1["error"]["message"], "a poisoned row");
    assert_eq!(*scorer.passes.lock().unwrap(), [1, 3, 1, 1, 1]);
}

#[tokio::test]
async fn a_full_queue_sends_requests_away() {
    let gate = Arc::new(Semaphore::new(0));
    let server = Arc::new(start(batched(2, 0, 2, 1), Arc::new(Doubling::gated(1, &gate)), Options::default()).await);
    let blocking = Arc::clone(&server);
    let first = tokio::spawn(async move { blocking.ask(one(1)).await.status });
    server.wait_for_pending(1).await;
    let waiting = Arc::clone(&server);
    let second = tokio::spawn(async move { waiting.ask(r#"{"rows":[{"id":2},{"id":3}]}"#).await.status });
    // The queue is full once the second request is in it: until then the third is merely admitted.
    let refused = loop {
        let probe =
            tokio::time::timeout(std::time::Duration::from_millis(20), server.ask(r#"{"rows":[{"id":4},{"id":5}]}"#));
        if let Ok(reply) = probe.await {
            break reply;
        }
    };
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.json()["error"]["message"], "too many rows are waiting");
    assert_eq!(refused.header("retry-after"), Some("1"));
    gate.add_permits(100);
    assert_eq!(first.await.unwrap(), StatusCode::OK);
    let second = second.await.unwrap();
    assert!(second == StatusCode::OK || second == StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn with_a_delay_the_first_waits_for_others() {
    let scorer = Arc::new(Doubling::new(1));
    // Far longer than the test: the pass goes when it is full, and only then.
    let server = Arc::new(start(batched(3, 600_000_000, 100, 2), scorer.clone(), Options::default()).await);
    let asked = join_all((0..3).map(|id| {
        let server = Arc::clone(&server);
        async move { server.ask(one(id)).await.json()["predictions"][0]["prediction"].as_i64() }
    }));
    assert_eq!(asked.await, [Some(0), Some(2), Some(4)]);
    assert_eq!(*scorer.passes.lock().unwrap(), [3]);
    let short = start(batched(3, 1_000, 100, 1), scorer.clone(), Options::default()).await;
    assert_eq!(short.ask(one(1)).await.status, StatusCode::OK);
    assert!(short.server.metrics_text().contains(r#"reason="delay"} 1"#));
}

#[tokio::test]
async fn nobody_waits_for_a_full_pass_when_the_server_stops() {
    let scorer = Arc::new(Doubling::new(1));
    let server = Arc::new(start(batched(3, 600_000_000, 100, 1), scorer, Options::default()).await);
    let asking = Arc::clone(&server);
    let asked = tokio::spawn(async move { asking.ask(one(1)).await.status });
    server.wait_for_pending(1).await;
    server.served().stop().await;
    assert_eq!(asked.await.unwrap(), StatusCode::OK);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever comes at once and however it is split: everybody gets their own answers, and no pass is too large.
    #[test]
    fn everybody_gets_their_own(
        max in 1..9_i64,
        parallel in 1..4_i64,
        delay in prop_oneof![Just(0_i64), Just(200)],
        sizes in proptest::collection::vec(1..30_i64, 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let scorer = Arc::new(Doubling::new(1));
            let server = start(batched(max, delay, 10_000, parallel), scorer.clone(), Options::default()).await;
            let asked = sizes.iter().enumerate().map(|(index, size)| {
                let ids: Vec<i64> = (0..*size).map(|row| index as i64 * 100 + row).collect();
                let rows: Vec<String> = ids.iter().map(|id| one(*id)).collect();
                let (server, body) = (&server, format!(r#"{{"rows":[{}]}}"#, rows.join(",")));
                async move { (server.ask(body).await.json(), ids) }
            });
            for (answer, ids) in join_all(asked).await {
                let expected: Vec<_> = ids.iter().map(|id| json!({"prediction": 2 * id})).collect();
                prop_assert_eq!(&answer["predictions"], &json!(expected));
            }
            let passes = scorer.passes.lock().unwrap().clone();
            prop_assert!(passes.iter().all(|pass| *pass as i64 <= max), "{:?}", passes);
            prop_assert_eq!(passes.iter().sum::<usize>() as i64, sizes.iter().sum::<i64>());
            prop_assert!(scorer.most_running.load(Ordering::SeqCst) as i64 <= parallel);
            Ok(())
        })?;
    }
}
