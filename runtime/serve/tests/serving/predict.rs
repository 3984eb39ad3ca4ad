//! The plain protocol: what is answered, and what is said of a request that is wrong.

use std::sync::Arc;

use hyper::StatusCode;
use mlsys_serve::Options;
use serde_json::{Value, json};

use crate::support::{Doubling, WRONG, deployment, start};

#[tokio::test]
async fn rows_are_answered_in_their_order() {
    let server = start(deployment(), Arc::new(Doubling::new(3)), Options::default()).await;
    let reply = server.ask(r#"{"rows":[{"id":1},{"name":"x","id":21}]}"#).await;
    assert_eq!(reply.status, StatusCode::OK);
    let body = reply.json();
    assert_eq!(body["predictions"], json!([{"prediction": 2}, {"prediction": 42}]));
    assert_eq!((&body["model"], &body["version"], &body["variant"]), (&json!("double"), &json!(3), &json!("champion")));
    assert_eq!(body["request_id"].as_str(), reply.header("x-request-id"));
    assert!(body.get("fallback").is_none());
    let alone = server.ask(r#" {"id": 5, "name": null} "#).await;
    assert_eq!(alone.json()["predictions"], json!([{"prediction": 10}]));
    assert_eq!(server.ask(r#"{"rows":[]}"#).await.json()["predictions"], json!([]));
}

#[tokio::test]
async fn a_request_keeps_its_name() {
    let server = start(deployment(), Arc::new(Doubling::new(1)), Options::default()).await;
    for body in ["{\"id\":1}", "{"] {
        let reply = server.send("POST", "/v1/double/predict", &[("x-request-id", "order-17")], body).await;
        assert_eq!(reply.json()["request_id"], "order-17");
        assert_eq!(reply.header("x-request-id"), Some("order-17"));
    }
}

#[tokio::test]
async fn errors_name_row_field_and_type() {
    let server = start(deployment(), Arc::new(Doubling::new(1)), Options::default()).await;
    let reply = server.ask(r#"{"rows":[{"id":1},{"id":"abc"}]}"#).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST);
    let error = &reply.json()["error"];
    assert_eq!(error["message"], r#"row 1: id: expected int64, found "abc""#);
    assert_eq!((&error["row"], &error["field"], &error["expected"]), (&json!(1), &json!("id"), &json!("int64")));
    assert_eq!(error["code"], "invalid");
    let unknown = server.ask(r#"{"id":1,"nam":"x"}"#).await.json();
    assert_eq!((&unknown["error"]["field"], &unknown["error"]["did_you_mean"]), (&json!("nam"), &json!("name")));
    let missing = server.ask(r#"{"name":"x"}"#).await.json();
    assert_eq!(missing["error"]["message"], "id: expected int64, found nothing");
    for wrong in
        ["", "[]", "{\"rows\":1}", "{\"rows\":[{\"id\":1}],\"x\":1}", "{\"rows\":[1]}", "{\"id\":1}{}", "\u{0}"]
    {
        let reply = server.ask(wrong).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(reply.json()["error"]["message"].is_string());
    }
    // The server goes on.
    assert_eq!(server.ask(r#"{"id":1}"#).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_row_without_an_answer_does_not_touch_the_others() {
    let server = start(deployment(), Arc::new(Doubling::new(1)), Options::default()).await;
    let reply = server.ask(format!(r#"{{"rows":[{{"id":1}},{{"id":{WRONG}}},{{"id":3}}]}}"#)).await;
    let expected = json!([{"prediction": 2}, {"error": "no such thing"}, {"prediction": 6}]);
    assert_eq!((reply.status, &reply.json()["predictions"]), (StatusCode::OK, &expected));
    let alone = server.ask(format!(r#"{{"id":{WRONG}}}"#)).await;
    assert_eq!(alone.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(alone.json()["error"]["message"], "no such thing");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there() {
    let server = start(deployment(), Arc::new(Doubling::new(1)), Options::default()).await;
    let reply = server.send("POST", "/v1/dubble/predict", &[], "{}").await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.json()["error"]["message"], "there is no deployment `dubble`; did you mean `double`?");
    assert_eq!(server.get("/v1/double/predict").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(server.get("/nothing").await.json()["error"]["code"], "not_found");
}

#[tokio::test]
async fn health_metrics_and_description() {
    let server = start(deployment(), Arc::new(Doubling::new(7)), Options::default()).await;
    assert_eq!(server.get("/health/live").await.json(), json!({"live": true}));
    assert_eq!(server.get("/health/ready").await.json(), json!({"ready": true}));
    server.ask(r#"{"id":1}"#).await;
    server.ask("{").await;
    let reply = server.get("/metrics").await;
    let text = String::from_utf8(reply.bytes.to_vec()).unwrap();
    let labels = r#"deployment="double",model="double",version="7",variant="champion""#;
    for line in [
        format!("mlsys_inference_requests_total{{{labels},code=\"200\"}} 1\n"),
        format!("mlsys_inference_requests_total{{{labels},code=\"400\"}} 1\n"),
        "mlsys_inference_request_duration_seconds_count{deployment=\"double\"} 2\n".to_owned(),
        "mlsys_inference_batch_size_sum{deployment=\"double\"} 1.0\n".to_owned(),
        "mlsys_inference_batch_release_total{deployment=\"double\",reason=\"idle\"} 1\n".to_owned(),
        "mlsys_inference_pending_requests{deployment=\"double\"} 0\n".to_owned(),
    ] {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    let description = server.get("/openapi.json").await.json();
    let schemas = &description["components"]["schemas"];
    assert_eq!(schemas["double.Row"]["required"], json!(["id"]));
    assert_eq!(schemas["double.Row"]["properties"]["name"], json!({"type": ["string", "null"]}));
    assert_eq!(schemas["double.Prediction"]["anyOf"][0]["required"], json!(["prediction"]));
    assert!(matches!(description["paths"]["/v1/double/predict"]["post"]["responses"], Value::Object(_)));
    server.server.prepare_to_stop();
    assert_eq!(server.get("/health/ready").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(server.get("/health/live").await.status, StatusCode::OK);
}
