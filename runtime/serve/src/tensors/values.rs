//! The elements of a tensor, in the forms in which they travel.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

use super::Datatype;
use crate::refusal::Refusal;

/// Elements in row-major order, in the widest form of their kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values<'a> {
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Unsigned(Vec<u64>),
    Floats(Vec<f64>),
    Bytes(Vec<Cow<'a, [u8]>>),
}

impl<'a> Values<'a> {
    pub(crate) fn empty(datatype: Datatype) -> Self {
        match datatype {
            Datatype::Bool => Values::Bools(Vec::new()),
            Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 | Datatype::Uint64 => Values::Unsigned(Vec::new()),
            Datatype::Int8 | Datatype::Int16 | Datatype::Int32 | Datatype::Int64 => Values::Ints(Vec::new()),
            Datatype::Fp32 | Datatype::Fp64 => Values::Floats(Vec::new()),
            Datatype::Bytes => Values::Bytes(Vec::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Values::Bools(values) => values.len(),
            Values::Ints(values) => values.len(),
            Values::Unsigned(values) => values.len(),
            Values::Floats(values) => values.len(),
            Values::Bytes(values) => values.len(),
        }
    }

    /// Elements in the binary form: little-endian, and bytes after their length in four bytes.
    pub(crate) fn from_raw(tensor: &str, datatype: Datatype, raw: &'a [u8]) -> Result<Self, Refusal> {
        let Some(width) = datatype.width() else { return Ok(Values::Bytes(split(tensor, raw)?)) };
        if !raw.len().is_multiple_of(width) {
            let (bytes, name) = (raw.len(), datatype.name());
            return Err(Refusal::invalid(format!("input `{tensor}`: {bytes} bytes are no whole number of {name}")));
        }
        Ok(match datatype {
            Datatype::Bool => Values::Bools(raw.iter().map(|byte| *byte != 0).collect()),
            Datatype::Uint8 => Values::Unsigned(raw.iter().map(|byte| u64::from(*byte)).collect()),
            Datatype::Int8 => Values::Ints(each(raw, |[byte]| i64::from(i8::from_le_bytes([byte])))),
            Datatype::Uint16 => Values::Unsigned(each(raw, |bytes| u64::from(u16::from_le_bytes(bytes)))),
            Datatype::Uint32 => Values::Unsigned(each(raw, |bytes| u64::from(u32::from_le_bytes(bytes)))),
            Datatype::Uint64 => Values::Unsigned(each(raw, u64::from_le_bytes)),
            Datatype::Int16 => Values::Ints(each(raw, |bytes| i64::from(i16::from_le_bytes(bytes)))),
            Datatype::Int32 => Values::Ints(each(raw, |bytes| i64::from(i32::from_le_bytes(bytes)))),
            Datatype::Int64 => Values::Ints(each(raw, i64::from_le_bytes)),
            Datatype::Fp32 => Values::Floats(each(raw, |bytes| f64::from(f32::from_le_bytes(bytes)))),
            Datatype::Fp64 => Values::Floats(each(raw, f64::from_le_bytes)),
            Datatype::Bytes => Values::Bytes(Vec::new()),
        })
    }

    /// Elements in JSON: an array, flat or nested.
    pub(crate) fn from_json(tensor: &str, datatype: Datatype, json: &str) -> Result<Values<'static>, Refusal> {
        let mut values = Values::empty(datatype);
        let mut parser = serde_json::Deserializer::from_str(json);
        let read = Elements(&mut values).deserialize(&mut parser).and_then(|()| parser.end());
        read.map_err(|error| Refusal::invalid(format!("input `{tensor}` of {}: {error}", datatype.name())))?;
        Ok(values)
    }

    /// The binary form.
    #[expect(clippy::cast_possible_truncation, reason = "columns have the width of their datatype")]
    pub(crate) fn to_raw(&self, datatype: Datatype) -> Vec<u8> {
        match (self, datatype) {
            (Values::Bools(values), _) => values.iter().map(|value| u8::from(*value)).collect(),
            (Values::Ints(values), Datatype::Int32) => {
                values.iter().flat_map(|value| (*value as i32).to_le_bytes()).collect()
            }
            (Values::Ints(values), _) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            (Values::Unsigned(values), _) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            (Values::Floats(values), Datatype::Fp32) => {
                values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect()
            }
            (Values::Floats(values), _) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            (Values::Bytes(values), _) => {
                let mut raw = Vec::new();
                for value in values {
                    raw.extend_from_slice(&u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes());
                    raw.extend_from_slice(value);
                }
                raw
            }
        }
    }

    /// The JSON form: a flat array. NaN becomes null; bytes that are no text have replacement characters.
    pub(crate) fn to_json(&self, datatype: Datatype) -> Result<String, serde_json::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "columns have the width of their datatype")]
        match self {
            Values::Bools(values) => serde_json::to_string(values),
            Values::Ints(values) => serde_json::to_string(values),
            Values::Unsigned(values) => serde_json::to_string(values),
            // As single precision they are as short as they were given.
            Values::Floats(values) if datatype == Datatype::Fp32 => {
                serde_json::to_string(&values.iter().map(|value| *value as f32).collect::<Vec<f32>>())
            }
            Values::Floats(values) => serde_json::to_string(values),
            Values::Bytes(values) => {
                serde_json::to_string(&values.iter().map(|value| String::from_utf8_lossy(value)).collect::<Vec<_>>())
            }
        }
    }
}

fn each<const N: usize, T>(raw: &[u8], read: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect()
}

/// Bytes, each after its length.
fn split<'a>(tensor: &str, mut raw: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Refusal> {
    let mut values = Vec::new();
    while !raw.is_empty() {
        let value = raw.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            rest.split_at_checked(length)
        });
        let Some((value, rest)) = value else {
            let reason = format!("input `{tensor}`: element {} of BYTES is cut off", values.len());
            return Err(Refusal::invalid(reason));
        };
        values.push(Cow::Borrowed(value));
        raw = rest;
    }
    Ok(values)
}

/// One element, or an array of them to any depth that the parser allows.
struct Elements<'b>(&'b mut Values<'static>);

impl<'de> DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Values::Bools(_) => "true or false",
            Values::Ints(_) => "an integer",
            Values::Unsigned(_) => "an integer that is not negative",
            Values::Floats(_) => "a number",
            Values::Bytes(_) => "text",
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Elements(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        match self.0 {
            Values::Bools(values) => values.push(value),
            _ => return Err(E::invalid_type(serde::de::Unexpected::Bool(value), &self)),
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        match self.0 {
            Values::Ints(values) => values.push(value),
            #[expect(clippy::cast_precision_loss, reason = "as every reader of JSON numbers does it")]
            Values::Floats(values) => values.push(value as f64),
            _ => return Err(E::invalid_type(serde::de::Unexpected::Signed(value), &self)),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        let wrong = serde::de::Unexpected::Unsigned(value);
        match self.0 {
            Values::Ints(values) => match i64::try_from(value) {
                Ok(value) => values.push(value),
                Err(_) => return Err(E::invalid_value(wrong, &self)),
            },
            Values::Unsigned(values) => values.push(value),
            #[expect(clippy::cast_precision_loss, reason = "as every reader of JSON numbers does it")]
            Values::Floats(values) => values.push(value as f64),
            _ => return Err(E::invalid_type(wrong, &self)),
        }
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        match self.0 {
            Values::Floats(values) => values.push(value),
            _ => return Err(E::invalid_type(serde::de::Unexpected::Float(value), &self)),
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        match self.0 {
            Values::Bytes(values) => values.push(Cow::Owned(value.as_bytes().to_vec())),
            _ => return Err(E::invalid_type(serde::de::Unexpected::Str("text"), &self)),
        }
        Ok(())
    }

    /// JSON has no NaN: null stands for it, as in answers.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        match self.0 {
            Values::Floats(values) => values.push(f64::NAN),
            _ => return Err(E::invalid_type(serde::de::Unexpected::Unit, &self)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Datatype;
    use super::Values;

    fn read(datatype: Datatype, json: &str) -> Result<Values<'static>, String> {
        Values::from_json("x", datatype, json).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn json_may_be_nested_and_must_have_the_type() {
        assert_eq!(read(Datatype::Int64, "[[1,2],[3,[4]]]").unwrap(), Values::Ints(vec![1, 2, 3, 4]));
        assert_eq!(read(Datatype::Fp32, "[1, 2.5]").unwrap(), Values::Floats(vec![1.0, 2.5]));
        for (datatype, json) in [
            (Datatype::Int64, "[1.5]"),
            (Datatype::Int64, "[9223372036854775808]"),
            (Datatype::Uint8, "[-1]"),
            (Datatype::Bool, "[1]"),
            (Datatype::Bytes, "[1]"),
            (Datatype::Fp64, "[\"1\"]"),
            (Datatype::Int64, "[null]"),
            (Datatype::Int64, "[1"),
        ] {
            assert!(read(datatype, json).unwrap_err().starts_with("input `x` of"), "{json}");
        }
        assert!(read(Datatype::Int64, &format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000))).is_err());
    }

    #[test]
    fn raw_bytes_must_be_whole() {
        assert!(Values::from_raw("x", Datatype::Int32, &[0; 7]).is_err());
        assert!(Values::from_raw("x", Datatype::Bytes, &[5, 0, 0, 0, b'a']).is_err());
        assert!(Values::from_raw("x", Datatype::Bytes, &[255, 255, 255, 255]).is_err());
        assert!(Values::from_raw("x", Datatype::Bytes, &[0, 0]).is_err());
    }

    proptest! {
        #[test]
        fn raw_is_read_as_it_was_written(
            ints in proptest::collection::vec(any::<i64>(), 0..9),
            floats in proptest::collection::vec(any::<f64>().prop_filter("equal to itself", |x| !x.is_nan()), 0..9),
            texts in proptest::collection::vec(any::<Vec<u8>>(), 0..9),
        ) {
            let texts = texts.into_iter().map(Into::into).collect();
            let all = [
                (Values::Ints(ints), Datatype::Int64),
                (Values::Floats(floats), Datatype::Fp64),
                (Values::Bytes(texts), Datatype::Bytes),
            ];
            for (values, datatype) in all {
                let raw = values.to_raw(datatype);
                prop_assert_eq!(Values::from_raw("x", datatype, &raw).unwrap(), values);
            }
        }
    }
}
