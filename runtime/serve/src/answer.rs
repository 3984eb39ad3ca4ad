//! What comes back: predictions of one version, whoever computed them together with whom.

use std::ops::Range;
use std::sync::Arc;

use mlsys_rows::RowWriter;

use crate::current::Current;
use crate::refusal::{Kind, Refusal};
use crate::request_id::RequestId;
use crate::scorer::{Scored, Version};

/// Rows of a pass that belong to a request.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) scored: Arc<Scored>,
    pub(crate) rows: Range<usize>,
    /// Why it is the fallback's, if it is.
    pub(crate) fallback: Option<&'static str>,
}

/// The answer to a request.
#[derive(Clone)]
pub struct Answer {
    pub(crate) current: Arc<Current>,
    pub(crate) parts: Arc<[Part]>,
}

impl Answer {
    /// The version that answered, or that the fallback stood in for.
    pub fn version(&self) -> &Version {
        self.current.scorer.version()
    }

    /// Why the fallback answered, if it answered any row: `failed`, `late`, `paused` or `unavailable`.
    pub fn fallback(&self) -> Option<&'static str> {
        self.parts.iter().find_map(|part| part.fallback)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.rows.len()).sum()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first row without a prediction, and why it has none.
    pub(crate) fn first_failure(&self) -> Option<(usize, &str)> {
        let mut before = 0;
        for part in self.parts.iter() {
            let failed = part.scored.failed.iter().find(|(row, _)| part.rows.contains(row));
            if let Some((row, reason)) = failed {
                return Some((before + row - part.rows.start, reason));
            }
            before += part.rows.len();
        }
        None
    }

    /// The body of the plain protocol. A row without a prediction has `error` in its place; if no row has one, that is a
    /// refusal.
    pub(crate) fn body(&self, id: &RequestId) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::with_capacity(160 + 48 * self.len());
        out.extend_from_slice(b"{\"predictions\":[");
        let mut answered = self.is_empty();
        for part in self.parts.iter() {
            answered |= write_part(part, &mut out)?;
        }
        if !answered && let Some((_, reason)) = self.first_failure() {
            return Err(Refusal::new(Kind::Failed, reason));
        }
        out.extend_from_slice(b"],");
        out.extend_from_slice(&self.current.described);
        if let Some(reason) = self.fallback() {
            out.extend_from_slice(b",\"fallback\":true,\"reason\":\"");
            out.extend_from_slice(reason.as_bytes());
            out.push(b'"');
        }
        out.extend_from_slice(b",\"request_id\":\"");
        out.extend_from_slice(id.as_str().as_bytes());
        out.extend_from_slice(b"\"}");
        Ok(out)
    }
}

/// Writes the rows of a part; whether one of them has a prediction.
fn write_part(part: &Part, out: &mut Vec<u8>) -> Result<bool, Refusal> {
    let writer = RowWriter::new(&part.scored.predictions);
    let writer = writer.map_err(|error| Refusal::new(Kind::Failed, error.to_string()))?;
    let mut answered = false;
    for row in part.rows.clone() {
        if out.last() != Some(&b'[') {
            out.push(b',');
        }
        match part.scored.failure(row) {
            None => {
                writer.write(row, out);
                answered = true;
            }
            Some(reason) => {
                out.extend_from_slice(b"{\"error\":");
                out.extend_from_slice(serde_json::to_string(reason).unwrap_or_default().as_bytes());
                out.push(b'}');
            }
        }
    }
    Ok(answered)
}
