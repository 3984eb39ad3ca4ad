//! JSON objects as rows: read straight into columns, without a tree of values in between.

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use mlsys_plan::{Field, Type};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::builder::RowBuilder;
use crate::column::{Column, Given, Misfit};
use crate::error::{RowError, SchemaError, cut};
use crate::nearest;

/// What is taken for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What becomes of fields that are not declared.
    pub unknown: Unknown,
    /// Whether a number may be written as text, `"1.5"`, as the batch connector `json` allows it.
    pub numbers_as_text: bool,
    /// The longest text of a row, in bytes.
    pub most_bytes: usize,
    /// How many rows an array of them may have.
    pub most_rows: usize,
}

/// What becomes of fields that are not declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// They are skipped: those who write streams add fields without asking those who read them.
    Ignored,
    /// The row is refused: whoever sends a request wants to know of a misspelt name.
    Refused,
}

impl Rules {
    /// For messages of streams.
    pub const STREAM: Rules =
        Rules { unknown: Unknown::Ignored, numbers_as_text: true, most_bytes: 16 << 20, most_rows: usize::MAX };

    /// For requests.
    pub const REQUEST: Rules =
        Rules { unknown: Unknown::Refused, numbers_as_text: false, most_bytes: 16 << 20, most_rows: 100_000 };
}

/// Reads JSON objects as rows of fields.
///
/// - A field that is absent or null gets its default, or stays missing where the type allows it.
/// - Integers may be written as 1 or 1.0; ranges are checked. `float32` and `float64` take integers.
/// - Timestamps, dates and durations are text, see [`crate::text`]; empty text is a missing one.
/// - Bytes are text in base64 (RFC 4648, with padding). Vectors must have their length.
/// - A field that occurs twice in an object is an error.
#[derive(Debug)]
pub struct RowReader {
    rows: RowBuilder,
    rules: Rules,
    /// What was wrong, while the parser's own error is on its way up.
    failure: Option<RowError>,
    /// The field whose value is being read.
    current: Option<usize>,
}

impl RowReader {
    /// A reader of rows of these fields.
    ///
    /// # Errors
    /// As [`RowBuilder::new`].
    pub fn new(fields: &[Field], rules: Rules) -> Result<Self, SchemaError> {
        Ok(RowReader { rows: RowBuilder::new(fields)?, rules, failure: None, current: None })
    }

    /// Reads one object as a row.
    ///
    /// # Errors
    /// It is no row of the fields; nothing is left of it.
    pub fn push(&mut self, json: &[u8]) -> Result<(), RowError> {
        if json.len() > self.rules.most_bytes {
            let found = format!("{} bytes where {} are allowed", json.len(), self.rules.most_bytes);
            return Err(RowError::no_row(found));
        }
        let before = self.rows.len();
        let mut parser = serde_json::Deserializer::from_slice(json);
        let read = self.seed().deserialize(&mut parser).and_then(|()| parser.end());
        read.map_err(|error| {
            self.rows.truncate(before);
            self.explain(&error)
        })
    }

    /// As [`RowReader::push`], of an object inside a document that is being read already.
    ///
    /// # Errors
    /// As there.
    pub fn push_raw(&mut self, json: &RawValue) -> Result<(), RowError> {
        self.push(json.get().as_bytes())
    }

    /// Reads one row where a parser of `serde_json` over a slice or text stands; [`RowReader::explain`] says what a failure
    /// means.
    pub fn seed(&mut self) -> RowSeed<'_> {
        RowSeed(self)
    }

    /// As [`RowReader::seed`], of an array of rows: all of them count, or none.
    pub fn seed_rows(&mut self) -> RowsSeed<'_> {
        RowsSeed(self)
    }

    /// What was wrong with a row when the parser failed.
    pub fn explain(&mut self, error: &serde_json::Error) -> RowError {
        let current = self.current.take();
        if let Some(failure) = self.failure.take() {
            return failure;
        }
        let mut failure = RowError::no_row(format!("something else: {error}"));
        if let Some(field) = current.map(|place| &self.rows.fields()[place]) {
            (failure.field, failure.expected) = (Some(field.name.clone()), field.ty.to_string());
        }
        failure
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes that are held, about.
    pub fn bytes(&self) -> usize {
        self.rows.bytes()
    }

    /// The columns that [`RowReader::finish`] gives.
    pub fn schema(&self) -> &SchemaRef {
        self.rows.schema()
    }

    /// Takes back all rows after the first ones.
    pub fn truncate(&mut self, rows: usize) {
        self.rows.truncate(rows);
    }

    /// The rows as columns; there are none afterwards.
    ///
    /// # Errors
    /// As [`RowBuilder::finish`].
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows.finish()
    }

    fn fail<E: Error>(&mut self, failure: RowError) -> E {
        self.failure = Some(failure);
        E::custom("the row is not as it must be")
    }
}

/// One row, where a parser stands.
pub struct RowSeed<'a>(&'a mut RowReader);

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        let before = self.0.rows.len();
        self.0.current = None;
        parser.deserialize_map(RowVisitor(self.0)).inspect_err(|_| self.0.rows.truncate(before))
    }
}

struct RowVisitor<'a>(&'a mut RowReader);

impl<'de> Visitor<'de> for RowVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reader = self.0;
        let mut expected = 0;
        let unknown = reader.rules.unknown;
        while let Some(key) = map.next_key_seed(KeySeed { rows: &reader.rows, expected, unknown })? {
            match key {
                Key::Skipped => {
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Refused(error) => return Err(reader.fail(*error)),
                Key::Field(place) => {
                    expected = place + 1;
                    reader.current = Some(place);
                    read_value(reader, place, &mut map)?;
                    reader.current = None;
                }
            }
        }
        reader.rows.end_row().map_err(|error| reader.fail(error))
    }
}

/// Reads the value of a field.
#[inline]
fn read_value<'de, A: MapAccess<'de>>(reader: &mut RowReader, place: usize, map: &mut A) -> Result<(), A::Error> {
    let mut misfit = None;
    let rules = reader.rules;
    let read = match reader.rows.open(place) {
        Ok(column) => map.next_value_seed(ValueSeed { column, rules, misfit: &mut misfit }),
        Err(error) => return Err(reader.fail(error)),
    };
    match (read, misfit) {
        (Ok(true), _) => Ok(()),
        (Ok(false), _) => reader.rows.set_missing(place, "null").map_err(|error| reader.fail(error)),
        (Err(_), Some(misfit)) => {
            let error = reader.rows.misfit(place, misfit);
            Err(reader.fail(error))
        }
        (Err(error), None) => Err(error),
    }
}

/// Several rows, where a parser stands.
pub struct RowsSeed<'a>(&'a mut RowReader);

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    /// How many there are.
    type Value = usize;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<usize, D::Error> {
        let before = self.0.rows.len();
        parser.deserialize_seq(RowsVisitor(self.0)).inspect_err(|_| {
            let row = self.0.rows.len() - before;
            self.0.rows.truncate(before);
            if let Some(failure) = &mut self.0.failure {
                failure.row = Some(row);
            }
        })
    }
}

struct RowsVisitor<'a>(&'a mut RowReader);

impl<'de> Visitor<'de> for RowsVisitor<'_> {
    type Value = usize;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<usize, A::Error> {
        let mut count = 0;
        while rows.next_element_seed(RowSeed(self.0))?.is_some() {
            count += 1;
            if count > self.0.rules.most_rows {
                let found = format!("more than {} rows", self.0.rules.most_rows);
                return Err(self.0.fail(RowError::no_row(found)));
            }
        }
        Ok(count)
    }
}

/// The name of a field.
struct KeySeed<'a> {
    rows: &'a RowBuilder,
    expected: usize,
    unknown: Unknown,
}

enum Key {
    Field(usize),
    Skipped,
    Refused(Box<RowError>),
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Key, D::Error> {
        parser.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    #[inline]
    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(match self.rows.place(name, self.expected) {
            Some(place) => Key::Field(place),
            None if self.unknown == Unknown::Ignored => Key::Skipped,
            None => {
                let names = self.rows.fields().iter().map(|field| field.name.as_str());
                Key::Refused(Box::new(RowError::unknown(name, nearest(name, names))))
            }
        })
    }
}

/// The value of a field, or an item of a list. True if there is one.
struct ValueSeed<'a> {
    column: &'a mut Column,
    rules: Rules,
    misfit: &'a mut Option<Misfit>,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = bool;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<bool, D::Error> {
        if *self.column.ty() == Type::Float32 {
            // By way of a double, a number would be rounded twice.
            let raw = <&RawValue as serde::Deserialize>::deserialize(parser)?;
            return self.number(raw.get());
        }
        parser.deserialize_any(self)
    }
}

impl ValueSeed<'_> {
    #[inline]
    fn push<E: Error>(self, given: Given<'_>) -> Result<bool, E> {
        match self.column.push(given) {
            Ok(present) => Ok(present),
            Err(misfit) => fail(self.misfit, misfit),
        }
    }

    #[cold]
    fn text<E: Error>(self, text: &str) -> Result<bool, E> {
        match self.column.push_number(text) {
            Ok(()) => Ok(true),
            Err(misfit) => fail(self.misfit, misfit),
        }
    }

    /// A number of single precision, from the JSON text of a value.
    fn number<E: Error>(self, json: &str) -> Result<bool, E> {
        match json.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => match self.column.push_number(json) {
                Ok(()) => Ok(true),
                Err(misfit) => fail(self.misfit, Misfit { found: cut(json), kind: "a number", ..misfit }),
            },
            Some(b'n') => Ok(false),
            Some(b't') => self.push(Given::Bool(true)),
            Some(b'f') => self.push(Given::Bool(false)),
            Some(b'[') => self.push(Given::Other("a list")),
            Some(b'{') => self.push(Given::Other("an object")),
            _ => match serde_json::from_str::<String>(json) {
                Ok(text) if self.rules.numbers_as_text => self.text(&text),
                Ok(text) => self.push(Given::Text(&text)),
                Err(error) => Err(E::custom(error)),
            },
        }
    }
}

fn fail<E: Error>(place: &mut Option<Misfit>, misfit: Misfit) -> Result<bool, E> {
    *place = Some(misfit);
    Err(E::custom("a value is not as it must be"))
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.column.ty())
    }

    #[inline]
    fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
        self.push(Given::Bool(value))
    }

    #[inline]
    fn visit_i64<E: Error>(self, value: i64) -> Result<bool, E> {
        self.push(Given::Int(value))
    }

    #[inline]
    fn visit_u64<E: Error>(self, value: u64) -> Result<bool, E> {
        self.push(Given::Unsigned(value))
    }

    #[inline]
    fn visit_f64<E: Error>(self, value: f64) -> Result<bool, E> {
        self.push(Given::Float(value))
    }

    #[inline]
    fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
        if self.rules.numbers_as_text && self.column.ty().is_numeric() {
            return self.text(value);
        }
        self.push(Given::Text(value))
    }

    #[inline]
    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, _map: A) -> Result<bool, A::Error> {
        self.push(Given::Other("an object"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let Some(items) = self.column.items() else { return self.push(Given::Other("a list")) };
        while let Some(present) =
            list.next_element_seed(ValueSeed { column: items, rules: self.rules, misfit: self.misfit })?
        {
            if !present {
                items.push_null();
            }
        }
        match self.column.close_list() {
            Ok(()) => Ok(true),
            Err(misfit) => fail(self.misfit, misfit),
        }
    }
}
