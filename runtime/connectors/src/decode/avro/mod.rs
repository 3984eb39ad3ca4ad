//! Messages that are Avro records, framed as the Confluent schema registry does: a zero byte, the schema's number as four
//! bytes in big-endian order, and the record in Avro's binary encoding. (Confluent, "Formats, Serializers, and
//! Deserializers", section "Wire format".)
//!
//! The program's declared columns are the reader's schema: fields of a record go to the columns of their names, others are
//! skipped, and a column without a field gets its default, or is missing where that is allowed. A schema is compiled once
//! into the way its bytes are read; records go from there straight into columns.

mod read;
mod registry;
mod schema;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mlsys_plan::{Call, Field};
use mlsys_rows::RowBuilder;

use self::registry::{Found, Registry};
use self::schema::Plan;
use super::{Decoded, malformed};
use crate::error::ConnectorError;
use crate::settings::{Environment, Settings};
use crate::stream::Message;

/// How many schemas are remembered; a topic has a few.
const REMEMBERED: usize = 1024;

/// For how long a schema that the registry does not know is not asked for again.
const UNKNOWN_FOR: Duration = Duration::from_secs(10);

/// Reads Avro records.
pub(super) struct AvroDecoder {
    rows: RowBuilder,
    registry: Registry,
    schemas: HashMap<u32, Known>,
}

/// What is known of a schema.
enum Known {
    Plan(Arc<Plan>),
    /// It cannot be used, for this reason; asked for again after that time, if ever.
    Useless(Arc<str>, Option<Instant>),
}

impl AvroDecoder {
    pub(super) fn new(
        call: &Call,
        settings: &mut Settings<'_>,
        environment: Environment<'_>,
        fields: &[Field],
    ) -> Result<Self, ConnectorError> {
        let registry = Registry::new(call, settings, environment)?;
        Ok(AvroDecoder { rows: RowBuilder::new(fields)?, registry, schemas: HashMap::new() })
    }

    pub(super) async fn decode(&mut self, messages: &[Message]) -> Result<Decoded, ConnectorError> {
        for message in messages {
            if let Ok((id, _)) = unframe(&message.payload) {
                self.learn(id).await?;
            }
        }
        let mut sources = Vec::with_capacity(messages.len());
        let mut wrong = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            match self.read(&message.payload) {
                Ok(()) => sources.push(index),
                Err(reason) => wrong.push(malformed(message, reason)),
            }
        }
        Ok(Decoded { rows: self.rows.finish()?, sources, malformed: wrong })
    }

    /// Gets to know a schema, unless it is known.
    async fn learn(&mut self, id: u32) -> Result<(), ConnectorError> {
        match self.schemas.get(&id) {
            Some(Known::Useless(_, Some(until))) if *until <= Instant::now() => {}
            Some(_) => return Ok(()),
            None => {}
        }
        let known = match self.registry.schema(id).await? {
            Found::Schema(texts) => match Plan::new(&texts, &self.rows) {
                Ok(plan) => Known::Plan(Arc::new(plan)),
                Err(reason) => Known::Useless(format!("schema {id}: {reason}").into(), None),
            },
            Found::Nothing => {
                let reason = format!("the schema registry has no schema {id}");
                Known::Useless(reason.into(), Some(Instant::now() + UNKNOWN_FOR))
            }
            Found::Other(reason) => Known::Useless(format!("schema {id}: {reason}").into(), None),
        };
        if self.schemas.len() >= REMEMBERED {
            self.schemas.clear();
        }
        self.schemas.insert(id, known);
        Ok(())
    }

    fn read(&mut self, payload: &[u8]) -> Result<(), String> {
        let (id, record) = unframe(payload)?;
        let plan = match self.schemas.get(&id) {
            Some(Known::Plan(plan)) => Arc::clone(plan),
            Some(Known::Useless(reason, _)) => return Err(reason.to_string()),
            // More schemas in one delivery than are remembered.
            None => return Err(format!("schema {id} was forgotten before it was used")),
        };
        plan.read(record, &mut self.rows)
    }
}

/// The schema's number and the record.
fn unframe(payload: &[u8]) -> Result<(u32, &[u8]), String> {
    match payload.split_at_checked(5) {
        Some(([0, id @ ..], record)) => Ok((id.iter().fold(0, |id, byte| id << 8 | u32::from(*byte)), record)),
        Some(([magic, ..], _)) => Err(format!("expected a zero byte and a schema's number, found the byte {magic}")),
        _ => Err(format!("expected a zero byte and a schema's number, found {} bytes", payload.len())),
    }
}

#[cfg(test)]
mod tests;
