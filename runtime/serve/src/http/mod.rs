//! Everything that is spoken over HTTP: the plain protocol, the Open Inference Protocol, health, metrics and the description.

mod body;
mod connections;
mod inference;
pub(crate) mod openapi;
mod predict;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use axum::routing::{get, post};

pub use connections::{ConnectionLimits, serve};

use crate::refusal::{Kind, Refusal};
use crate::request_id::RequestId;
use crate::server::Server;

/// The header with a request's name, in both directions.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The header with an API key, besides `authorization: Bearer`.
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Where everything is found.
pub fn router(server: Arc<Server>) -> Router {
    Router::new()
        .route("/v1/{deployment}/predict", post(predict::predict))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(description))
        .merge(inference::router())
        .fallback(nothing)
        .method_not_allowed_fallback(not_this_way)
        .with_state(server)
}

async fn live() -> Response<Body> {
    json(StatusCode::OK, r#"{"live":true}"#)
}

async fn ready(State(server): State<Arc<Server>>) -> Response<Body> {
    match server.is_ready() {
        true => json(StatusCode::OK, r#"{"ready":true}"#),
        false => json(StatusCode::SERVICE_UNAVAILABLE, r#"{"ready":false}"#),
    }
}

async fn metrics(State(server): State<Arc<Server>>) -> Response<Body> {
    const TEXT: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    let mut response = Response::new(Body::from(server.metrics_text()));
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

async fn description(State(server): State<Arc<Server>>) -> Response<Body> {
    json(StatusCode::OK, server.openapi().to_vec())
}

async fn nothing(headers: HeaderMap) -> Response<Body> {
    refused(&Refusal::new(Kind::NotFound, "there is nothing at this path"), &request_id(&headers))
}

async fn not_this_way(headers: HeaderMap) -> Response<Body> {
    let refusal = Refusal::invalid("this path does not take this method");
    let mut response = refused(&refusal, &request_id(&headers));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

fn json(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

/// A refusal in the plain protocol.
fn refused(refusal: &Refusal, id: &RequestId) -> Response<Body> {
    let body = refusal.body(id.as_str());
    mark_refused(json(status(refusal), body), refusal, id)
}

fn status(refusal: &Refusal) -> StatusCode {
    StatusCode::from_u16(refusal.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The headers of a refusal, whatever its body.
fn mark_refused(mut response: Response<Body>, refusal: &Refusal, id: &RequestId) -> Response<Body> {
    let headers = response.headers_mut();
    if let Some(seconds) = refusal.retry_seconds() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if refusal.kind == Kind::Unauthorized {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    mark(response, id)
}

/// The request's name as a header.
fn mark(mut response: Response<Body>, id: &RequestId) -> Response<Body> {
    if let Ok(name) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, name);
    }
    response
}

fn request_id(headers: &HeaderMap) -> RequestId {
    RequestId::given_or_new(headers.get(REQUEST_ID).and_then(|name| name.to_str().ok()))
}

/// The key that a caller shows.
fn key(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get(API_KEY) {
        return key.to_str().ok();
    }
    bearer(headers.get(axum::http::header::AUTHORIZATION)?.to_str().ok()?)
}

/// The token of `Bearer TOKEN` (RFC 6750).
pub(crate) fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}
