//! Scorers that fail, are late or are replaced, and a server that stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use hyper::StatusCode;
use mlsys_plan::{Deployment, Fallback, Field, ServingBudget, Type};
use mlsys_serve::{Metrics, Options, Served, SetupError};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::support::{Doubling, PANIC, POISON, UNREACHABLE, WRONG, deployment, field, send, start};

fn one(id: i64) -> String {
    format!(r#"{{"id":{id}}}"#)
}

fn with_fallback() -> Deployment {
    Deployment { fallback: Some(Fallback::Number(-7.0)), ..deployment() }
}

fn budget(micros: i64) -> Option<ServingBudget> {
    Some(ServingBudget { quantile: "p99".to_owned(), latency: micros })
}

#[tokio::test]
async fn a_scorer_that_fails_or_panics_is_an_error_of_its_request() {
    let server = start(deployment(), Arc::new(Doubling::new(1)), Options::default()).await;
    for (id, status, reason) in [
        (POISON, StatusCode::INTERNAL_SERVER_ERROR, "a poisoned row"),
        (PANIC, StatusCode::INTERNAL_SERVER_ERROR, "the model's code panicked"),
        (UNREACHABLE, StatusCode::SERVICE_UNAVAILABLE, "the store cannot be reached"),
    ] {
        let reply = server.ask(one(id)).await;
        assert_eq!((reply.status, &reply.json()["error"]["message"]), (status, &json!(reason)));
    }
    assert_eq!(server.ask(one(1)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_fallback_answers_and_says_so() {
    let server = start(with_fallback(), Arc::new(Doubling::new(1)), Options::default()).await;
    for (id, reason) in [(POISON, "failed"), (PANIC, "failed"), (UNREACHABLE, "unavailable"), (WRONG, "failed")] {
        let body = server.ask(one(id)).await.json();
        assert_eq!(body["predictions"], json!([{"prediction": -7}]));
        assert_eq!((&body["fallback"], &body["reason"], &body["version"]), (&json!(true), &json!(reason), &json!(1)));
    }
    // Only the row that has no answer gets the fallback's.
    let mixed = server.ask(format!(r#"{{"rows":[{{"id":1}},{{"id":{WRONG}}},{{"id":3}}]}}"#)).await.json();
    assert_eq!(mixed["predictions"], json!([{"prediction": 2}, {"prediction": -7}, {"prediction": 6}]));
    assert_eq!(mixed["fallback"], true);
    server.served().pause(true);
    assert_eq!(server.ask(one(1)).await.json()["reason"], "paused");
    server.served().pause(false);
    assert!(server.ask(one(1)).await.json().get("fallback").is_none());
    let text = server.server.metrics_text();
    assert!(text.contains(r#"mlsys_inference_fallbacks_total{deployment="double",reason="failed"} 4"#), "{text}");
}

#[tokio::test]
async fn a_late_scorer_is_not_waited_for() {
    let closed = Arc::new(Semaphore::new(0));
    let late = Deployment { budget: budget(20_000), ..deployment() };
    let server = start(late, Arc::new(Doubling::gated(1, &closed)), Options::default()).await;
    let reply = server.ask(one(1)).await;
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (StatusCode::GATEWAY_TIMEOUT, &json!("late")));
    let late = Deployment { budget: budget(20_000), ..with_fallback() };
    let server = start(late, Arc::new(Doubling::gated(1, &closed)), Options::default()).await;
    let body = server.ask(one(1)).await.json();
    assert_eq!((&body["predictions"][0]["prediction"], &body["reason"]), (&json!(-7), &json!("late")));
}

/// Requests that nobody waits for any longer give their place to others.
#[tokio::test]
async fn a_caller_who_goes_does_not_keep_a_pass() {
    let gate = Arc::new(Semaphore::new(0));
    let server = Arc::new(start(deployment(), Arc::new(Doubling::gated(1, &gate)), Options::default()).await);
    let asking = Arc::clone(&server);
    let gone = tokio::spawn(async move { asking.ask(one(1)).await });
    server.wait_for_pending(1).await;
    gone.abort();
    server.wait_for_pending(0).await;
    gate.add_permits(1);
    assert_eq!(server.ask(one(2)).await.json()["predictions"], json!([{"prediction": 4}]));
}

#[tokio::test]
async fn deployments_must_make_sense() {
    let new = |deployment: Deployment| {
        Served::new(deployment, Arc::new(Doubling::new(1)), Options::default(), &Metrics::new())
    };
    let half = Deployment { fallback: Some(Fallback::Number(0.5)), ..deployment() };
    let error = new(half).err().unwrap();
    assert_eq!(error.to_string(), "the fallback 0.5 cannot stand for a prediction of type int64");
    let feature = Deployment { fallback: Some(Fallback::Feature("group.x".to_owned())), ..deployment() };
    assert!(matches!(new(feature), Err(SetupError::NoFallback(_))));
    let twice = vec![field("id", Type::Int64.required()), field("id", Type::Int64.required())];
    assert!(matches!(new(Deployment { request: twice, ..deployment() }), Err(SetupError::Request { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swap_drops_no_request() {
    let server = Arc::new(start(deployment(), Arc::new(Doubling::new(1)), Options::default()).await);
    let done = Arc::new(AtomicBool::new(false));
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let (server, done) = (Arc::clone(&server), Arc::clone(&done));
            tokio::spawn(async move {
                let mut versions = Vec::new();
                while !done.load(Ordering::SeqCst) {
                    let reply = server.ask(r#"{"rows":[{"id":1},{"id":2}]}"#).await;
                    assert_eq!(reply.status, StatusCode::OK);
                    versions.push(reply.json()["version"].as_u64().unwrap());
                }
                versions
            })
        })
        .collect();
    for version in 2..40 {
        server.served().swap(Arc::new(Doubling::new(version))).unwrap();
        assert_eq!(server.ask(one(1)).await.json()["version"], version);
    }
    done.store(true, Ordering::SeqCst);
    for versions in join_all(askers).await {
        assert!(versions.unwrap().is_sorted());
    }
}

struct Other(Vec<Field>, Doubling);

#[async_trait::async_trait]
impl mlsys_serve::Scorer for Other {
    fn version(&self) -> &mlsys_serve::Version {
        self.1.version()
    }

    fn outputs(&self) -> &[Field] {
        &self.0
    }

    async fn score(
        &self,
        _: arrow::array::RecordBatch,
        _: i64,
    ) -> Result<mlsys_serve::Scored, mlsys_serve::ScoreError> {
        Err(mlsys_serve::ScoreError::Failed("never asked".to_owned()))
    }
}

#[tokio::test]
async fn a_version_with_other_answers_is_not_put_in_place() {
    let server = start(deployment(), Arc::new(Doubling::new(1)), Options::default()).await;
    let other = Other(vec![field("prediction", Type::String.required())], Doubling::new(2));
    let error = server.served().swap(Arc::new(other)).unwrap_err().to_string();
    assert_eq!(
        error,
        "version 2 answers with prediction: string, but deployment `double` answers with prediction: int64"
    );
    assert_eq!(server.ask(one(1)).await.json()["version"], 1);
}

#[tokio::test]
async fn answers_are_given_again_for_a_time() {
    let scorer = Arc::new(Doubling::new(1));
    let cached = Deployment { cache: Some(3_600_000_000), ..with_fallback() };
    let server = start(cached, scorer.clone(), Options::default()).await;
    let count = || scorer.passes.lock().unwrap().len();
    let first = server.ask(r#"{"id":1,"name":"x"}"#).await.json();
    let again = server.ask(r#"{"rows":[{"name":"x","id":1.0}]}"#).await.json();
    assert_eq!(first["predictions"], again["predictions"]);
    assert_ne!(first["request_id"], again["request_id"]);
    assert_eq!(count(), 1);
    server.ask(r#"{"id":1}"#).await;
    assert_eq!(count(), 2);
    // What the fallback answered is asked again.
    server.ask(one(POISON)).await;
    server.ask(one(POISON)).await;
    assert_eq!(count(), 4);
    let text = server.server.metrics_text();
    assert!(text.contains(r#"mlsys_cache_hits_total{deployment="double"} 1"#), "{text}");
    server.served().swap(Arc::new(Doubling::new(2))).unwrap();
    assert_eq!(server.ask(r#"{"id":1,"name":"x"}"#).await.json()["version"], 2);
}

#[tokio::test]
async fn old_answers_are_not_given_again() {
    let scorer = Arc::new(Doubling::new(1));
    let server = start(Deployment { cache: Some(0), ..deployment() }, scorer.clone(), Options::default()).await;
    server.ask(one(1)).await;
    server.ask(one(1)).await;
    assert_eq!(scorer.passes.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_server_that_stops_finishes_what_it_began() {
    let gate = Arc::new(Semaphore::new(0));
    let mut server = start(deployment(), Arc::new(Doubling::gated(1, &gate)), Options::default()).await;
    let at = server.at;
    let asked = tokio::spawn(async move { send(at, "POST", "/v1/double/predict", &[], one(1).into()).await.unwrap() });
    server.wait_for_pending(1).await;
    server.tell();
    while server.server.is_ready() {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    let reply = asked.await.unwrap();
    assert_eq!(reply.json()["predictions"], json!([{"prediction": 2}]));
    assert!(server.stopped().await);
    assert!(send(at, "GET", "/health/live", &[], "".into()).await.is_err());
}
