//! The Open Inference Protocol, version 2, over REST, with tensors in JSON or behind it in binary.
//!
//! <https://github.com/kserve/open-inference-protocol>; the binary form is Triton's extension `binary_tensor_data`. A model
//! of the protocol is a deployment, and its version the one that is deployed.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{body, json as respond, key, mark, mark_refused, request_id, status};
use crate::answer::Answer;
use crate::refusal::{Kind, Refusal};
use crate::request_id::RequestId;
use crate::served::Served;
use crate::server::{EXTENSIONS, NAME, Server};
use crate::tensors::{Datatype, Output, Tensor, Values, announced, check_names, outputs, rows};

/// How many bytes of a body are JSON; tensors in binary follow.
const HEADER_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

pub(super) fn router() -> Router<Arc<Server>> {
    Router::new()
        .route("/v2", get(server))
        .route("/v2/", get(server))
        .route("/v2/health/live", get(super::live))
        .route("/v2/health/ready", get(super::ready))
        .route("/v2/models", get(models))
        .route("/v2/models/{model}", get(model))
        .route("/v2/models/{model}/ready", get(model_ready))
        .route("/v2/models/{model}/infer", post(infer))
        .route("/v2/models/{model}/versions/{version}", get(model))
        .route("/v2/models/{model}/versions/{version}/ready", get(model_ready))
        .route("/v2/models/{model}/versions/{version}/infer", post(infer))
}

/// The part of a path that names a model.
#[derive(Deserialize)]
struct Named {
    model: String,
    #[serde(default)]
    version: Option<String>,
}

async fn server() -> Response<Body> {
    let body = json!({ "name": NAME, "version": env!("CARGO_PKG_VERSION"), "extensions": EXTENSIONS });
    respond(StatusCode::OK, body.to_string())
}

async fn models(State(server): State<Arc<Server>>) -> Response<Body> {
    let names: Vec<&str> = server.deployments().map(|served| served.deployment().name.as_str()).collect();
    respond(StatusCode::OK, json!({ "models": names }).to_string())
}

async fn model(State(server): State<Arc<Server>>, Path(named): Path<Named>, headers: HeaderMap) -> Response<Body> {
    match server.find_version(&named.model, named.version.as_deref()) {
        Ok(served) => respond(StatusCode::OK, metadata(served).to_string()),
        Err(refusal) => refused(&refusal, &request_id(&headers)),
    }
}

async fn model_ready(
    State(server): State<Arc<Server>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
) -> Response<Body> {
    match server.find_version(&named.model, named.version.as_deref()) {
        Ok(served) => {
            let ready = served.is_ready();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            respond(status, json!({ "name": named.model, "ready": ready }).to_string())
        }
        Err(refusal) => refused(&refusal, &request_id(&headers)),
    }
}

fn metadata(served: &Served) -> Value {
    let tensors = |fields| {
        let described = announced(fields)
            .map(|tensor| json!({ "name": tensor.name, "datatype": tensor.datatype.name(), "shape": tensor.shape }));
        described.collect::<Vec<Value>>()
    };
    json!({
        "name": served.deployment().name,
        "versions": [served.scorer().version().number.to_string()],
        "platform": NAME,
        "inputs": tensors(&served.deployment().request),
        "outputs": tensors(served.outputs()),
    })
}

/// A refusal in this protocol.
fn refused(refusal: &Refusal, id: &RequestId) -> Response<Body> {
    let body = json!({ "error": refusal.message }).to_string();
    mark_refused(respond(status(refusal), body), refusal, id)
}

async fn infer(
    State(server): State<Arc<Server>>,
    Path(named): Path<Named>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let (started, id) = (Instant::now(), request_id(&headers));
    let served = match server.find_version(&named.model, named.version.as_deref()) {
        Ok(served) => served,
        Err(refusal) => return refused(&refusal, &id),
    };
    let answered = ask(served, &headers, body, &id).await;
    served.record(started, answered.as_ref().map(|(answer, _)| answer));
    match answered {
        Ok((_, response)) => mark(response, &id),
        Err(refusal) => refused(&refusal, &id),
    }
}

async fn ask(
    served: &Served,
    headers: &HeaderMap,
    body: Body,
    id: &RequestId,
) -> Result<(Answer, Response<Body>), Refusal> {
    let leave = served.admit(key(headers))?;
    let body = body::read(body, served.most_bytes()).await?;
    let (head, binary) = split(headers, &body)?;
    if head.is_some_and(<[u8]>::is_empty) {
        let rows = only_input(served, binary)?;
        let answer = served.answer(&leave, rows, id).await?;
        let response = write(served, &answer, &Wanted { id: None, names: Vec::new(), binary: |_: &str| true })?;
        return Ok((answer, response));
    }
    let request: Request<'_> = serde_json::from_slice(head.unwrap_or(binary))
        .map_err(|error| Refusal::invalid(format!("the request is no inference request: {error}")))?;
    let names: Vec<&str> = request.outputs.iter().map(|output| output.name.as_str()).collect();
    check_names(served.outputs(), &names)?;
    let tensors = read_tensors(&request, if head.is_some() { binary } else { &[] })?;
    let rows = rows(&served.deployment().request, served.most_rows(), &tensors)?;
    let log_id = RequestId::given_or_new(request.id.as_deref().or(Some(id.as_str())));
    let answer = served.answer(&leave, rows, &log_id).await?;
    let binary = |name: &str| request.is_binary(name);
    let response = write(served, &answer, &Wanted { id: request.id.as_deref(), names, binary })?;
    Ok((answer, response))
}

/// An inference request without its binary tensors.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(borrow)]
    inputs: Vec<Input<'a>>,
    #[serde(default)]
    outputs: Vec<WantedOutput>,
}

#[derive(Deserialize)]
struct Input<'a> {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: Map<String, Value>,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct WantedOutput {
    name: String,
    #[serde(default)]
    parameters: Map<String, Value>,
}

impl Request<'_> {
    /// Whether an output is wanted in binary: by itself, or as all of the request's are.
    fn is_binary(&self, name: &str) -> bool {
        let own = self.outputs.iter().find(|output| output.name == name);
        let own = own.and_then(|output| output.parameters.get("binary_data")).and_then(Value::as_bool);
        own.or_else(|| self.parameters.get("binary_data_output").and_then(Value::as_bool)).unwrap_or(false)
    }
}

/// The JSON of a body, if the header says where it ends, and what follows it; without the header, nothing and all of it.
fn split<'a>(headers: &HeaderMap, body: &'a Bytes) -> Result<(Option<&'a [u8]>, &'a [u8]), Refusal> {
    let Some(length) = headers.get(HEADER_LENGTH) else { return Ok((None, body.as_ref())) };
    let length = length.to_str().ok().and_then(|length| length.trim().parse::<usize>().ok());
    let parts = length.and_then(|length| body.split_at_checked(length));
    let Some((head, binary)) = parts else {
        return Err(Refusal::invalid("`Inference-Header-Content-Length` is not a length within the body"));
    };
    Ok((Some(head), binary))
}

/// The tensors of a request; those in binary are taken from what follows the JSON, in their order.
fn read_tensors<'a>(request: &'a Request<'a>, mut binary: &'a [u8]) -> Result<Vec<Tensor<'a>>, Refusal> {
    let mut tensors = Vec::with_capacity(request.inputs.len());
    for Input { name, shape, datatype, parameters, data } in &request.inputs {
        let datatype = Datatype::parse(name, datatype)?;
        let values = match (parameters.get("binary_data_size"), data) {
            (Some(size), None) => {
                let size = size.as_u64().and_then(|size| usize::try_from(size).ok());
                let Some((raw, rest)) = size.and_then(|size| binary.split_at_checked(size)) else {
                    let reason = format!("input `{name}`: `binary_data_size` is not a size within the body");
                    return Err(Refusal::invalid(reason));
                };
                binary = rest;
                Values::from_raw(name, datatype, raw)?
            }
            (None, Some(data)) => Values::from_json(name, datatype, data.get())?,
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid(format!("input `{name}` has both `data` and `binary_data_size`")));
            }
            (None, None) => {
                return Err(Refusal::invalid(format!("input `{name}` has neither `data` nor `binary_data_size`")));
            }
        };
        tensors.push(Tensor { name, shape, values });
    }
    match binary.is_empty() {
        true => Ok(tensors),
        false => Err(Refusal::invalid(format!("{} bytes follow the last tensor", binary.len()))),
    }
}

/// A body without JSON: the one input of a model with one input, for one row.
fn only_input(served: &Served, raw: &[u8]) -> Result<arrow::array::RecordBatch, Refusal> {
    let [field] = served.deployment().request.as_slice() else {
        return Err(Refusal::invalid("a request without JSON is for models with one input"));
    };
    let datatype = Datatype::of(&field.ty.ty);
    if datatype == Datatype::Bytes {
        return Err(Refusal::new(Kind::Unsupported, "a request without JSON cannot carry BYTES"));
    }
    let values = Values::from_raw(&field.name, datatype, raw)?;
    let shape = [1, i64::try_from(values.len()).unwrap_or(i64::MAX)];
    let tensor = Tensor { name: &field.name, shape: &shape, values };
    rows(&served.deployment().request, served.most_rows(), &[tensor])
}

/// What a caller wants back.
struct Wanted<'a, F: Fn(&str) -> bool> {
    id: Option<&'a str>,
    names: Vec<&'a str>,
    binary: F,
}

#[derive(Serialize)]
struct Head<'a> {
    model_name: &'a str,
    model_version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    parameters: Map<String, Value>,
    outputs: Vec<HeadOutput>,
}

#[derive(Serialize)]
struct HeadOutput {
    name: String,
    datatype: &'static str,
    shape: Vec<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Box<RawValue>>,
}

fn write<F: Fn(&str) -> bool>(
    served: &Served,
    answer: &Answer,
    wanted: &Wanted<'_, F>,
) -> Result<Response<Body>, Refusal> {
    let failed = |error: serde_json::Error| Refusal::new(Kind::Failed, error.to_string());
    let (mut heads, mut binary) = (Vec::new(), Vec::new());
    for output in outputs(answer, served.outputs(), &wanted.names)? {
        let Output { name, datatype, shape, values } = output;
        let (mut parameters, mut data) = (None, None);
        if (wanted.binary)(&name) {
            let raw = values.to_raw(datatype);
            parameters = Some(json!({ "binary_data_size": raw.len() }));
            binary.extend_from_slice(&raw);
        } else {
            data = Some(values.to_json(datatype).and_then(RawValue::from_string).map_err(failed)?);
        }
        heads.push(HeadOutput { name, datatype: datatype.name(), shape, parameters, data });
    }
    let is_binary = heads.iter().any(|head| head.parameters.is_some());
    let head = Head {
        model_name: &served.deployment().name,
        model_version: answer.version().number.to_string(),
        id: wanted.id,
        parameters: parameters(answer),
        outputs: heads,
    };
    let mut body = serde_json::to_vec(&head).map_err(failed)?;
    if !is_binary {
        return Ok(respond(StatusCode::OK, body));
    }
    let length = HeaderValue::from(body.len());
    body.append(&mut binary);
    let mut response = respond(StatusCode::OK, body);
    response.headers_mut().insert(HEADER_LENGTH, length);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    Ok(response)
}

/// What is said of an answer besides its tensors.
fn parameters(answer: &Answer) -> Map<String, Value> {
    let mut parameters = Map::new();
    parameters.insert("variant".to_owned(), Value::from(answer.version().variant.as_str()));
    if let Some(reason) = answer.fallback() {
        parameters.insert("fallback".to_owned(), Value::from(true));
        parameters.insert("reason".to_owned(), Value::from(reason));
    }
    parameters
}
