//! The body of a request: as large as it may be, and not as slow as somebody likes.

use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as _;

use crate::refusal::{Kind, Refusal};

/// How long a body may take.
const LONGEST: Duration = Duration::from_secs(30);

/// Reads a body of at most so many bytes.
pub(super) async fn read(body: Body, most: usize) -> Result<Bytes, Refusal> {
    if body.size_hint().lower() > most as u64 {
        return Err(too_large(most));
    }
    let reading = Limited::new(body, most).collect();
    match tokio::time::timeout(LONGEST, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => Err(too_large(most)),
        Ok(Err(_)) => Err(Refusal::invalid("the body ended early")),
        Err(_) => Err(Refusal::invalid("the body came too slowly")),
    }
}

fn too_large(most: usize) -> Refusal {
    Refusal::new(Kind::TooLarge, format!("the body has more than {most} bytes"))
}
