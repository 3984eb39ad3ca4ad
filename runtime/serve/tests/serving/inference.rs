//! The Open Inference Protocol over REST; an independent client is in `tests/interop.py`.

use std::sync::Arc;

use hyper::StatusCode;
use mlsys_plan::{Deployment, Fallback};
use mlsys_serve::Options;
use serde_json::{Value, json};

use crate::support::{Doubling, POISON, Reply, Started, WRONG, deployment, start};

async fn server() -> Started {
    start(deployment(), Arc::new(Doubling::new(4)), Options::default()).await
}

async fn infer(server: &Started, body: &Value) -> Reply {
    server.send("POST", "/v2/models/double/infer", &[], body.to_string()).await
}

fn ids(shape: Value, data: Value) -> Value {
    json!({"name": "id", "shape": shape, "datatype": "INT64", "data": data})
}

#[tokio::test]
async fn metadata_and_health() {
    let server = server().await;
    let about = server.get("/v2").await.json();
    assert_eq!((&about["name"], &about["extensions"]), (&json!("mlsys"), &json!(["binary_tensor_data"])));
    let model = server.get("/v2/models/double").await.json();
    assert_eq!(model["versions"], json!(["4"]));
    assert_eq!(model["inputs"][0], json!({"name": "id", "datatype": "INT64", "shape": [-1]}));
    assert_eq!(model["outputs"], json!([{"name": "prediction", "datatype": "INT64", "shape": [-1]}]));
    assert_eq!(server.get("/v2/models/double/versions/4/ready").await.json()["ready"], true);
    assert_eq!(server.get("/v2/models/double/versions/5").await.status, StatusCode::NOT_FOUND);
    let nothing = server.get("/v2/models/dobble").await;
    assert_eq!(nothing.json(), json!({"error": "there is no deployment `dobble`; did you mean `double`?"}));
    for path in ["/v2/", "/v2/health/live", "/v2/health/ready", "/v2/models", "/v2/models/double/ready"] {
        assert_eq!(server.get(path).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn tensors_in_json() {
    let server = server().await;
    let names = json!({"name": "name", "shape": [2, 1], "datatype": "BYTES", "data": [["x"], ["y"]]});
    let reply = infer(&server, &json!({"id": "seven", "inputs": [ids(json!([2]), json!([1, 2])), names]})).await;
    let expected = json!({
        "model_name": "double", "model_version": "4", "id": "seven", "parameters": {"variant": "champion"},
        "outputs": [{"name": "prediction", "datatype": "INT64", "shape": [2], "data": [2, 4]}],
    });
    assert_eq!((reply.status, reply.json()), (StatusCode::OK, expected));
    let narrow = json!({"name": "id", "shape": [1], "datatype": "UINT8", "data": [200]});
    assert_eq!(infer(&server, &json!({"inputs": [narrow]})).await.json()["outputs"][0]["data"], json!([400]));
    assert_eq!(
        infer(&server, &json!({"inputs": [ids(json!([0]), json!([]))]})).await.json()["outputs"][0]["shape"],
        json!([0])
    );
}

#[tokio::test]
async fn tensors_behind_the_json() {
    let server = server().await;
    let inputs = json!([{"name": "id", "shape": [2], "datatype": "INT64", "parameters": {"binary_data_size": 16}}]);
    let head = json!({"inputs": inputs, "parameters": {"binary_data_output": true}}).to_string();
    let mut body = head.clone().into_bytes();
    body.extend([5_i64, 6].iter().flat_map(|id| id.to_le_bytes()));
    let length = head.len().to_string();
    let headers = [("inference-header-content-length", length.as_str())];
    let reply = server.send("POST", "/v2/models/double/infer", &headers, body.clone()).await;
    let json_length: usize = reply.header("inference-header-content-length").unwrap().parse().unwrap();
    let head: Value = serde_json::from_slice(&reply.bytes[..json_length]).unwrap();
    assert_eq!(head["outputs"][0]["parameters"], json!({"binary_data_size": 16}));
    let expected: Vec<u8> = [10_i64, 12].iter().flat_map(|id| id.to_le_bytes()).collect();
    assert_eq!(reply.bytes[json_length..], expected);
    body.pop();
    for (headers, body) in [
        (headers, body),
        ([("inference-header-content-length", "99999")], b"{}".to_vec()),
        ([("inference-header-content-length", "x")], b"{}".to_vec()),
        ([("inference-header-content-length", "0")], vec![0; 8]),
    ] {
        let reply = server.send("POST", "/v2/models/double/infer", &headers, body).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert!(reply.json()["error"].is_string());
    }
}

#[tokio::test]
async fn requests_that_are_wrong_are_told_why() {
    let server = server().await;
    let input = |name: &str, shape: Value, datatype: &str, data: Value| json!({"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]});
    for (body, reason) in [
        (input("idd", json!([1]), "INT64", json!([1])), "the model has no input `idd`; did you mean `id`?"),
        (input("id", json!([2]), "INT64", json!([1])), "input `id` has shape [2], expected a shape of its 1 elements"),
        (input("id", json!([1, 2]), "INT64", json!([1, 2])), "input `id` has shape [1, 2], expected [n] or [n, 1]"),
        (
            input("id", json!([-1]), "INT64", json!([1])),
            "input `id` has shape [-1], expected one dimension or more, none of them negative",
        ),
        (input("id", json!([1]), "INT63", json!([1])), "input `id`: `INT63` is no datatype of the protocol"),
        (input("id", json!([1]), "FP64", json!([1.5])), "row 0: id: expected int64, found 1.5"),
        (input("name", json!([1]), "BYTES", json!(["x"])), "row 0: id: expected int64, found nothing"),
        (json!({"inputs": [ids(json!([1]), json!([1])), ids(json!([1]), json!([1]))]}), "input `id` comes twice"),
        (json!({"inputs": [ids(json!([1]), json!([1]))], "outputs": [{"name": "y"}]}), "the model has no output `y`"),
        (
            json!({"inputs": [{"name": "id", "shape": [1], "datatype": "INT64"}]}),
            "input `id` has neither `data` nor `binary_data_size`",
        ),
    ] {
        let reply = infer(&server, &body).await;
        assert_eq!((reply.status, reply.json()), (StatusCode::BAD_REQUEST, json!({"error": reason})));
    }
    for body in [json!({}), json!([]), json!({"inputs": 1})] {
        assert_eq!(infer(&server, &body).await.status, StatusCode::BAD_REQUEST);
    }
    let half = infer(&server, &input("id", json!([1]), "FP16", json!([1]))).await;
    assert_eq!(half.status, StatusCode::NOT_IMPLEMENTED);
    let huge = input("id", json!([i64::MAX, i64::MAX]), "INT64", json!([1]));
    assert_eq!(infer(&server, &huge).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn rows_without_answers_refuse_the_request_or_fall_back() {
    let body = json!({"inputs": [ids(json!([2]), json!([1, WRONG]))]});
    let reply = infer(&server().await, &body).await;
    assert_eq!(
        (reply.status, reply.json()),
        (StatusCode::INTERNAL_SERVER_ERROR, json!({"error": "row 1: no such thing"}))
    );
    let fallback = Deployment { fallback: Some(Fallback::Number(9.0)), ..deployment() };
    let server = start(fallback, Arc::new(Doubling::new(4)), Options::default()).await;
    let body = json!({"inputs": [ids(json!([1]), json!([POISON]))]});
    let reply = infer(&server, &body).await.json();
    assert_eq!(reply["outputs"][0]["data"], json!([9]));
    assert_eq!(reply["parameters"], json!({"variant": "champion", "fallback": true, "reason": "failed"}));
}
