//! Who may ask, and how much.

use std::sync::Arc;

use hyper::StatusCode;
use mlsys_plan::{Call, Deployment, RateLimit};
use mlsys_serve::{Keys, Metrics, Options, Served, SetupError};
use tokio::sync::Semaphore;

use crate::support::{Doubling, deployment, start};

#[tokio::test]
async fn callers_must_show_a_key() {
    let auth = Some(Call { name: "api_key".to_owned(), ..Call::default() });
    let locked = Deployment { auth, ..deployment() };
    let without = Served::new(locked.clone(), Arc::new(Doubling::new(1)), Options::default(), &Metrics::new());
    assert!(matches!(without, Err(SetupError::NoKeys(_))));
    let options = Options { keys: Some(Keys::new(["secret"])), ..Options::default() };
    let server = start(locked, Arc::new(Doubling::new(1)), options).await;
    for (header, value, expected) in [
        ("authorization", "Bearer secret", StatusCode::OK),
        ("authorization", "bearer secret", StatusCode::OK),
        ("x-api-key", "secret", StatusCode::OK),
        ("authorization", "Bearer secre", StatusCode::UNAUTHORIZED),
        ("authorization", "Basic secret", StatusCode::UNAUTHORIZED),
        ("x-api-key", "", StatusCode::UNAUTHORIZED),
        ("x-other", "secret", StatusCode::UNAUTHORIZED),
    ] {
        let reply = server.send("POST", "/v1/double/predict", &[(header, value)], r#"{"id":1}"#).await;
        assert_eq!(reply.status, expected, "{header}: {value}");
        let body = String::from_utf8_lossy(&reply.bytes);
        assert!(!body.contains("secre"), "{body}");
        assert_eq!(reply.header("www-authenticate").is_some(), expected == StatusCode::UNAUTHORIZED);
    }
    let infer = server.send("POST", "/v2/models/double/infer", &[], "{}").await;
    assert_eq!(infer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn more_requests_than_the_limit_come_back_later() {
    // An hour's bucket does not fill while the test runs.
    let limited = Deployment { limit: Some(RateLimit { count: 2, per: 3_600_000_000 }), ..deployment() };
    let server = start(limited, Arc::new(Doubling::new(1)), Options::default()).await;
    assert_eq!(server.ask(r#"{"id":1}"#).await.status, StatusCode::OK);
    assert_eq!(server.ask(r#"{"id":1}"#).await.status, StatusCode::OK);
    let reply = server.ask(r#"{"id":1}"#).await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS);
    let after: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1800).contains(&after), "{after}");
    assert!(
        server.server.metrics_text().contains(r#"mlsys_inference_rejected_total{deployment="double",reason="rate"} 1"#)
    );
}

#[tokio::test]
async fn requests_have_a_size() {
    let options = Options { most_bytes: 100, most_rows: 3, ..Options::default() };
    let server = start(deployment(), Arc::new(Doubling::new(1)), options).await;
    let long = format!(r#"{{"id":1,"name":"{}"}}"#, "x".repeat(100));
    assert_eq!(server.ask(long).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let many = server.ask(r#"{"rows":[{"id":1},{"id":1},{"id":1},{"id":1}]}"#).await;
    assert_eq!(many.status, StatusCode::BAD_REQUEST);
    assert!(many.json()["error"]["message"].as_str().unwrap().contains("more than 3 rows"));
}

#[tokio::test]
async fn only_so_many_requests_are_answered_at_once() {
    let gate = Arc::new(Semaphore::new(0));
    let options = Options { concurrency: 2, ..Options::default() };
    let server = Arc::new(start(deployment(), Arc::new(Doubling::gated(1, &gate)), options).await);
    let asking: Vec<_> = (0..2)
        .map(|id| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.ask(format!(r#"{{"id":{id}}}"#)).await.status })
        })
        .collect();
    server.wait_for_pending(2).await;
    let refused = server.ask(r#"{"id":9}"#).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), Some("1"));
    gate.add_permits(10);
    for answer in asking {
        assert_eq!(answer.await.unwrap(), StatusCode::OK);
    }
    assert_eq!(server.ask(r#"{"id":9}"#).await.status, StatusCode::OK);
}
