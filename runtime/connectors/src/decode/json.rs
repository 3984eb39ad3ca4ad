//! Messages that are JSON objects.

use mlsys_plan::Field;
use mlsys_rows::{RowReader, Rules};

use super::{Decoded, malformed};
use crate::error::ConnectorError;
use crate::stream::Message;

/// Reads JSON objects; fields that are not declared are skipped.
pub(super) struct JsonDecoder(RowReader);

impl JsonDecoder {
    pub(super) fn new(fields: &[Field]) -> Result<Self, ConnectorError> {
        Ok(JsonDecoder(RowReader::new(fields, Rules::STREAM)?))
    }

    pub(super) fn decode(&mut self, messages: &[Message]) -> Result<Decoded, ConnectorError> {
        let mut sources = Vec::with_capacity(messages.len());
        let mut wrong = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            match self.0.push(&message.payload) {
                Ok(()) => sources.push(index),
                Err(error) => wrong.push(malformed(message, error.to_string())),
            }
        }
        Ok(Decoded { rows: self.0.finish()?, sources, malformed: wrong })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mlsys_plan::{Field, Type};

    use super::JsonDecoder;
    use crate::stream::Message;

    fn message(offset: u64, payload: &'static str) -> Message {
        Message { partition: 3, offset, time: None, payload: Bytes::from_static(payload.as_bytes()) }
    }

    #[test]
    fn what_is_no_row_stands_aside_with_its_place() {
        let field = |name: &str, ty: Type| Field {
            name: name.to_owned(),
            ty: ty.required(),
            default: None,
            pii: false,
            line: 1,
        };
        let mut decoder = JsonDecoder::new(&[field("id", Type::Int64), field("amount", Type::Float64)]).unwrap();
        let messages = [
            message(5, r#"{"id":1,"amount":2.5}"#),
            message(6, r#"{"id":2,"amount":"much"}"#),
            message(7, "{"),
            message(8, r#"{"amount":1,"id":3,"more":[{}]}"#),
        ];
        let decoded = decoder.decode(&messages).unwrap();
        assert_eq!((decoded.rows.num_rows(), decoded.sources), (2, vec![0, 3]));
        let places: Vec<_> = decoded.malformed.iter().map(|each| (each.partition, each.offset)).collect();
        assert_eq!(places, [(3, 6), (3, 7)]);
        assert!(decoded.malformed[0].reason.contains("amount"), "{}", decoded.malformed[0].reason);
        // Nothing of one delivery reaches the next.
        assert_eq!(decoder.decode(&messages[..1]).unwrap().rows.num_rows(), 1);
    }
}
