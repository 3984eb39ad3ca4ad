//! Messages as typed rows, by the format that the program names.

mod avro;
mod json;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use mlsys_plan::{Call, Field, Value};

use crate::error::ConnectorError;
use crate::settings::{Environment, Settings};
use crate::stream::{Malformed, Message};

/// Makes rows of messages: one of each.
pub struct Decoder(Format);

enum Format {
    Json(Box<json::JsonDecoder>),
    Avro(Box<avro::AvroDecoder>),
}

/// What came of messages.
#[derive(Debug)]
pub struct Decoded {
    /// The rows, in the order of their messages.
    pub rows: RecordBatch,
    /// For each row the place of its message among those that were decoded.
    pub sources: Vec<usize>,
    /// Messages that are no rows, in their order.
    pub malformed: Vec<Malformed>,
}

/// The settings that belong to decoding and not to the connection.
pub(crate) const SETTINGS: [&str; 3] = ["registry_username", "registry_password", "registry_ca_file"];

impl Decoder {
    /// A decoder for the stream that a program declares. Those without a `format` bring JSON.
    ///
    /// # Errors
    /// The format is not known, an argument or a setting makes no sense, or the columns are declared so that no row can be
    /// made of them.
    pub fn new(
        call: &Call,
        settings: &BTreeMap<String, String>,
        environment: Environment<'_>,
        fields: &[Field],
    ) -> Result<Self, ConnectorError> {
        let format = match call.args.get("format") {
            None => "json",
            Some(Value::Call(format)) => format.name.as_str(),
            Some(other) => return Err(wrong_format(&other.to_string())),
        };
        Ok(Decoder(match format {
            "json" => Format::Json(Box::new(json::JsonDecoder::new(fields)?)),
            "avro" => {
                let own = settings.iter().filter(|(name, _)| SETTINGS.contains(&name.as_str()));
                let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
                let mut settings = Settings::new(REGISTRY, &own, environment);
                Format::Avro(Box::new(avro::AvroDecoder::new(call, &mut settings, environment, fields)?))
            }
            other => return Err(wrong_format(other)),
        }))
    }

    /// Makes rows of messages. Those that are none never stop the others.
    ///
    /// # Errors
    /// A schema registry that is needed cannot be reached: nothing is decoded, and the same messages can be given again.
    pub async fn decode(&mut self, messages: &[Message]) -> Result<Decoded, ConnectorError> {
        match &mut self.0 {
            Format::Json(decoder) => decoder.decode(messages),
            Format::Avro(decoder) => decoder.decode(messages).await,
        }
    }
}

/// What errors of the schema registry begin with.
const REGISTRY: &str = "schema registry";

fn wrong_format(found: &str) -> ConnectorError {
    let reason = format!("expected one of json, avro, found {found}");
    ConnectorError::Argument { connector: "stream", argument: "format".to_owned(), reason }
}

/// A message that is no row.
fn malformed(message: &Message, reason: String) -> Malformed {
    Malformed { partition: message.partition, offset: message.offset, payload: message.payload.clone(), reason }
}
