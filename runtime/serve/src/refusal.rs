//! Why a request gets no prediction, in the words of every protocol.

use std::time::Duration;

use mlsys_rows::RowError;
use serde::Serialize;
use thiserror::Error;

/// What kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is not as it must be.
    Invalid,
    /// No key, or a wrong one.
    Unauthorized,
    /// No such deployment, model or version.
    NotFound,
    /// The request is too large.
    TooLarge,
    /// More requests than the limit allows.
    TooMany,
    /// The model cannot answer this.
    Failed,
    /// A part of the protocol that is not there.
    Unsupported,
    /// Something cannot be reached, or too much is waiting.
    Unavailable,
    /// The answer took longer than the budget allows.
    Late,
}

impl Kind {
    /// The status of HTTP (RFC 9110; 429 is of RFC 6585).
    pub fn status(self) -> u16 {
        match self {
            Kind::Invalid => 400,
            Kind::Unauthorized => 401,
            Kind::NotFound => 404,
            Kind::TooLarge => 413,
            Kind::TooMany => 429,
            Kind::Failed => 500,
            Kind::Unsupported => 501,
            Kind::Unavailable => 503,
            Kind::Late => 504,
        }
    }

    /// The status of gRPC.
    pub fn code(self) -> tonic::Code {
        match self {
            Kind::Invalid | Kind::TooLarge => tonic::Code::InvalidArgument,
            Kind::Unauthorized => tonic::Code::Unauthenticated,
            Kind::NotFound => tonic::Code::NotFound,
            Kind::TooMany => tonic::Code::ResourceExhausted,
            Kind::Failed => tonic::Code::Internal,
            Kind::Unsupported => tonic::Code::Unimplemented,
            Kind::Unavailable => tonic::Code::Unavailable,
            Kind::Late => tonic::Code::DeadlineExceeded,
        }
    }

    /// The name in error bodies and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::Unauthorized => "unauthorized",
            Kind::NotFound => "not_found",
            Kind::TooLarge => "too_large",
            Kind::TooMany => "rate_limited",
            Kind::Failed => "failed",
            Kind::Unsupported => "unsupported",
            Kind::Unavailable => "unavailable",
            Kind::Late => "late",
        }
    }
}

/// Why a request gets no prediction.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of refusal it is.
    pub kind: Kind,
    /// The reason, for people.
    pub message: String,
    /// What is wrong with which row, where one is to blame.
    pub row: Option<Box<RowError>>,
    /// When it makes sense to ask again.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal with a reason.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Refusal { kind, message: message.into(), row: None, retry_after: None }
    }

    /// The request is not as it must be.
    pub fn invalid(message: impl Into<String>) -> Self {
        Refusal::new(Kind::Invalid, message)
    }

    /// The same, with the time after which it makes sense to ask again.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Whole seconds for the header `Retry-After`, at least one.
    pub fn retry_seconds(&self) -> Option<u64> {
        self.retry_after.map(|after| (after.as_secs() + u64::from(after.subsec_nanos() > 0)).max(1))
    }

    /// The body that describes it: `{"error": {"code", "message", "row", "field", "expected", "found"}, "request_id"}`.
    pub(crate) fn body(&self, request_id: &str) -> Vec<u8> {
        let row = self.row.as_deref();
        let error = Described {
            code: self.kind.name(),
            message: &self.message,
            row: row.and_then(|row| row.row),
            field: row.and_then(|row| row.field.as_deref()),
            expected: row.map(|row| row.expected.as_str()),
            found: row.map(|row| row.found.as_str()),
            did_you_mean: row.and_then(|row| row.nearest.as_deref()),
        };
        // Text and numbers always become JSON.
        serde_json::to_vec(&Body { error, request_id }).unwrap_or_default()
    }
}

impl From<RowError> for Refusal {
    fn from(error: RowError) -> Self {
        Refusal { kind: Kind::Invalid, message: error.to_string(), row: Some(Box::new(error)), retry_after: None }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: Described<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct Described<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    did_you_mean: Option<&'a str>,
}
