//! The plain protocol: rows with named fields in, predictions out.
//!
//! `POST /v1/DEPLOYMENT/predict` with `{"rows": [{…}, …]}`, or with one row alone.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Response, StatusCode};
use mlsys_rows::RowReader;
use serde::de::{Deserializer as _, Error, MapAccess, Visitor};

use super::{body, json, key, mark, refused, request_id};
use crate::answer::Answer;
use crate::refusal::{Kind, Refusal};
use crate::request_id::RequestId;
use crate::served::Served;
use crate::server::Server;

/// The name of the field with rows.
const ROWS: &str = "rows";

pub(super) async fn predict(
    State(server): State<Arc<Server>>,
    Path(deployment): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    let (started, id) = (Instant::now(), request_id(&headers));
    let served = match server.find(&deployment) {
        Ok(served) => served,
        Err(refusal) => return refused(&refusal, &id),
    };
    let answered = ask(served, &headers, body, &id).await;
    served.record(started, answered.as_ref().map(|(answer, _)| answer));
    match answered {
        Ok((_, body)) => mark(json(StatusCode::OK, body), &id),
        Err(refusal) => refused(&refusal, &id),
    }
}

async fn ask(served: &Served, headers: &HeaderMap, body: Body, id: &RequestId) -> Result<(Answer, Vec<u8>), Refusal> {
    let leave = served.admit(key(headers))?;
    let body = body::read(body, served.most_bytes()).await?;
    let rows = served.read(|reader| read_rows(reader, &body))?;
    let answer = served.answer(&leave, rows, id).await?;
    let body = answer.body(id)?;
    Ok((answer, body))
}

fn read_rows(reader: &mut RowReader, body: &[u8]) -> Result<RecordBatch, Refusal> {
    // A row may have a field of that name: then it is one, and rows cannot be sent together.
    let is_field = reader.schema().field_with_name(ROWS).is_ok();
    if !is_field && begins_with_rows(body) {
        read_many(reader, body)?;
    } else {
        reader.push(body)?;
    }
    reader.finish().map_err(|error| Refusal::new(Kind::Failed, error.to_string()))
}

/// Whether an object's first field is `rows`.
fn begins_with_rows(body: &[u8]) -> bool {
    let inside = body.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inside.is_some_and(|inside| inside.starts_with(b"\"rows\""))
}

fn read_many(reader: &mut RowReader, body: &[u8]) -> Result<(), Refusal> {
    let mut parser = serde_json::Deserializer::from_slice(body);
    let mut unknown = None;
    let read = parser.deserialize_map(Wrapper { reader, unknown: &mut unknown }).and_then(|()| parser.end());
    match (read, unknown) {
        (Ok(()), _) => Ok(()),
        (Err(_), Some(name)) => {
            Err(Refusal::invalid(format!("unknown field `{name}` beside `rows`; a request has nothing else")))
        }
        (Err(error), None) => Err(reader.explain(&error).into()),
    }
}

/// `{"rows": […]}` and nothing else.
struct Wrapper<'a> {
    reader: &'a mut RowReader,
    unknown: &'a mut Option<String>,
}

impl<'de> Visitor<'de> for Wrapper<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with `rows`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(name) = map.next_key::<String>()? {
            if name != ROWS || seen {
                *self.unknown = Some(name.chars().take(60).collect());
                return Err(A::Error::custom("an unknown field"));
            }
            seen = true;
            map.next_value_seed(self.reader.seed_rows())?;
        }
        Ok(())
    }
}
