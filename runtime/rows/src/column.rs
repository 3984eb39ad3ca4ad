//! One column under construction: values of one type of the plan, which can be taken back to an earlier length.
//!
//! Arrow's own builders only grow. These can be cut, so that a row that turns out to be wrong leaves nothing behind.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, BooleanBufferBuilder, Date32Array, DurationMicrosecondArray,
    FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array, ListArray, NullBufferBuilder, StringArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type, Int32Type, Int64Type};
use arrow::error::ArrowError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mlsys_plan::Type;

use crate::error::quoted;
use crate::{arrow_type, text};

/// A value as the outside has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'a> {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer that is not negative.
    Unsigned(u64),
    /// A floating-point number.
    Float(f64),
    /// Text: also the form of enums, instants, days, durations, and of bytes in base64.
    Text(&'a str),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Instant(i64),
    /// Days since 1970-01-01.
    Day(i32),
    /// Microseconds.
    Duration(i64),
    /// Something that is no value of any type here, such as an object.
    Other(&'static str),
}

/// Why a value is none of the column's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The type that it should have.
    pub expected: String,
    /// The value.
    pub found: String,
    /// What kind of value that is, for where the value itself must not be shown.
    pub kind: &'static str,
}

/// A column under construction.
#[derive(Debug)]
pub struct Column {
    ty: Type,
    len: usize,
    present: NullBufferBuilder,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    String(Texts),
    Enum(Texts, Vec<String>),
    Bytes(Texts),
    Timestamp(Vec<i64>),
    Date(Vec<i32>),
    Duration(Vec<i64>),
    List(Vec<i32>, Box<Column>),
    Vector(usize, Box<Column>),
}

/// Strings of bytes, one after the other.
#[derive(Debug)]
struct Texts {
    offsets: Vec<i32>,
    bytes: Vec<u8>,
}

impl Column {
    /// An empty column for values of a type.
    pub fn new(ty: &Type) -> Self {
        let values = match ty {
            Type::Bool => Values::Bool(BooleanBufferBuilder::new(0)),
            Type::Int32 => Values::Int32(Vec::new()),
            Type::Int64 => Values::Int64(Vec::new()),
            Type::Float32 => Values::Float32(Vec::new()),
            Type::Float64 => Values::Float64(Vec::new()),
            Type::String => Values::String(Texts::new()),
            Type::Enum(names) => Values::Enum(Texts::new(), names.clone()),
            Type::Bytes => Values::Bytes(Texts::new()),
            Type::Timestamp => Values::Timestamp(Vec::new()),
            Type::Date => Values::Date(Vec::new()),
            Type::Duration => Values::Duration(Vec::new()),
            Type::List(item) => Values::List(vec![0], Box::new(Column::new(item))),
            Type::Vector(length) => Values::Vector(*length as usize, Box::new(Column::new(&Type::Float32))),
        };
        Column { ty: ty.clone(), len: 0, present: NullBufferBuilder::new(0), values }
    }

    /// The type of the values.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// How many values there are, missing ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a value. False, and nothing is added, if it is none: null, or empty text where times are written as text.
    ///
    /// # Errors
    /// The value is none of the column's type, or outside its range; nothing is added.
    #[inline]
    pub fn push(&mut self, given: Given<'_>) -> Result<bool, Misfit> {
        if matches!(given, Given::Null) {
            return Ok(false);
        }
        match self.values.push(given) {
            Pushed::Value => {
                self.len += 1;
                self.present.append_non_null();
                Ok(true)
            }
            Pushed::Nothing => Ok(false),
            Pushed::Misfit => Err(self.misfit(given)),
        }
    }

    /// Adds a number that is written as text, spaces around it aside.
    ///
    /// # Errors
    /// It is no number of the column's type; nothing is added.
    pub fn push_number(&mut self, written: &str) -> Result<(), Misfit> {
        let text = written.trim_ascii();
        let pushed = match &mut self.values {
            Values::Int32(values) => Int32Type::parse(text).map(|number| values.push(number)),
            Values::Int64(values) => Int64Type::parse(text).map(|number| values.push(number)),
            Values::Float32(values) => {
                let number = Float32Type::parse(text).filter(|number| number.is_finite() || !has_digits(text));
                number.map(|number| values.push(number))
            }
            Values::Float64(values) => {
                let number = Float64Type::parse(text).filter(|number| number.is_finite() || !has_digits(text));
                number.map(|number| values.push(number))
            }
            _ => None,
        };
        pushed.ok_or_else(|| self.misfit(Given::Text(written)))?;
        self.len += 1;
        self.present.append_non_null();
        Ok(())
    }

    /// Adds a missing value.
    pub fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(values) => values.append(false),
            Values::Int32(values) | Values::Date(values) => values.push(0),
            Values::Int64(values) | Values::Timestamp(values) | Values::Duration(values) => values.push(0),
            Values::Float32(values) => values.push(0.0),
            Values::Float64(values) => values.push(0.0),
            Values::String(texts) | Values::Enum(texts, _) | Values::Bytes(texts) => {
                texts.push(&[]);
            }
            Values::List(offsets, _) => offsets.push(offsets.last().copied().unwrap_or(0)),
            Values::Vector(length, item) => (0..*length).for_each(|_| item.push_null()),
        }
        self.len += 1;
        self.present.append_null();
    }

    /// The column that the items of the next list go to; none if the column does not hold lists. [`Column::close_list`]
    /// makes them a value.
    pub fn items(&mut self) -> Option<&mut Column> {
        match &mut self.values {
            Values::List(_, item) | Values::Vector(_, item) => Some(item),
            _ => None,
        }
    }

    /// Makes one value of the items that were added since the last one.
    ///
    /// # Errors
    /// Their number is not that of a vector's, or the column does not hold lists; then the items are gone.
    pub fn close_list(&mut self) -> Result<(), Misfit> {
        let count = match &mut self.values {
            Values::List(offsets, item) => match i32::try_from(item.len) {
                Ok(end) => {
                    offsets.push(end);
                    None
                }
                Err(_) => Some(item.len),
            },
            Values::Vector(length, item) => {
                let count = item.len - self.len * *length;
                (count != *length).then_some(count)
            }
            _ => Some(0),
        };
        let Some(count) = count else {
            self.len += 1;
            self.present.append_non_null();
            return Ok(());
        };
        self.truncate(self.len);
        Err(Misfit {
            expected: self.ty.to_string(),
            found: format!("{count} values"),
            kind: "another number of values",
        })
    }

    /// Takes back everything after the first values, items of an unfinished list included.
    pub fn truncate(&mut self, len: usize) {
        let len = len.min(self.len);
        match &mut self.values {
            Values::Bool(values) => values.truncate(len),
            Values::Int32(values) | Values::Date(values) => values.truncate(len),
            Values::Int64(values) | Values::Timestamp(values) | Values::Duration(values) => values.truncate(len),
            Values::Float32(values) => values.truncate(len),
            Values::Float64(values) => values.truncate(len),
            Values::String(texts) | Values::Enum(texts, _) | Values::Bytes(texts) => texts.truncate(len),
            Values::List(offsets, item) => {
                offsets.truncate(len + 1);
                item.truncate(end(offsets));
            }
            Values::Vector(length, item) => item.truncate(len * *length),
        }
        self.present.truncate(len);
        self.len = len;
    }

    /// The values as an Arrow array; the column is empty afterwards.
    ///
    /// # Errors
    /// Arrow refuses the array, which it does not do for what can be pushed here.
    pub fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = self.present.finish();
        let len = std::mem::take(&mut self.len);
        Ok(match &mut self.values {
            Values::Bool(values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int32(values) => Arc::new(Int32Array::try_new(taken(values), nulls)?),
            Values::Int64(values) => Arc::new(Int64Array::try_new(taken(values), nulls)?),
            Values::Float32(values) => Arc::new(Float32Array::try_new(taken(values), nulls)?),
            Values::Float64(values) => Arc::new(Float64Array::try_new(taken(values), nulls)?),
            Values::Date(values) => Arc::new(Date32Array::try_new(taken(values), nulls)?),
            Values::Duration(values) => Arc::new(DurationMicrosecondArray::try_new(taken(values), nulls)?),
            Values::Timestamp(values) => {
                let array = TimestampMicrosecondArray::try_new(taken(values), nulls)?;
                Arc::new(array.with_data_type(arrow_type(&Type::Timestamp)))
            }
            Values::String(texts) | Values::Enum(texts, _) => texts.finish_text(nulls)?,
            Values::Bytes(texts) => {
                let (offsets, bytes) = texts.take();
                Arc::new(BinaryArray::try_new(offsets, bytes, nulls)?)
            }
            Values::List(offsets, item) => {
                let field = Arc::new(Field::new_list_field(arrow_type(&item.ty), true));
                let offsets = OffsetBuffer::new(std::mem::replace(offsets, vec![0]).into());
                Arc::new(ListArray::try_new(field, offsets, item.finish()?, nulls)?)
            }
            Values::Vector(length, item) => finish_vector(*length, item, nulls, len)?,
        })
    }

    /// Bytes that are held, about.
    pub fn bytes(&self) -> usize {
        let values = match &self.values {
            Values::Bool(values) => values.capacity() / 8,
            Values::Int32(values) | Values::Date(values) => 4 * values.capacity(),
            Values::Int64(values) | Values::Timestamp(values) | Values::Duration(values) => 8 * values.capacity(),
            Values::Float32(values) => 4 * values.capacity(),
            Values::Float64(values) => 8 * values.capacity(),
            Values::String(texts) | Values::Enum(texts, _) | Values::Bytes(texts) => {
                4 * texts.offsets.capacity() + texts.bytes.capacity()
            }
            Values::List(offsets, item) => 4 * offsets.capacity() + item.bytes(),
            Values::Vector(_, item) => item.bytes(),
        };
        values + self.present.allocated_size()
    }

    #[cold]
    fn misfit(&self, given: Given<'_>) -> Misfit {
        Misfit { expected: self.ty.to_string(), found: given.to_string(), kind: given.kind() }
    }
}

/// What became of a value.
enum Pushed {
    Value,
    Nothing,
    Misfit,
}

impl Pushed {
    #[inline]
    fn of(pushed: Option<()>) -> Self {
        pushed.map_or(Pushed::Misfit, |()| Pushed::Value)
    }
}

impl Values {
    #[inline]
    fn push(&mut self, given: Given<'_>) -> Pushed {
        match (self, given) {
            (Values::Bool(values), Given::Bool(value)) => {
                values.append(value);
                Pushed::Value
            }
            (Values::Int32(values), given) => {
                let number = integer(given).and_then(|number| i32::try_from(number).ok());
                Pushed::of(number.map(|number| values.push(number)))
            }
            (Values::Int64(values), given) => Pushed::of(integer(given).map(|number| values.push(number))),
            (Values::Float64(values), given) => Pushed::of(float(given).map(|number| values.push(number))),
            (Values::Float32(values), given) => Pushed::of(float32(given).map(|number| values.push(number))),
            (Values::String(texts), Given::Text(text)) => Pushed::of(texts.push(text.as_bytes())),
            (Values::Enum(texts, names), Given::Text(text)) => {
                let known = names.iter().any(|name| name == text);
                Pushed::of(known.then(|| texts.push(text.as_bytes())).flatten())
            }
            (Values::Bytes(texts), Given::Bytes(bytes)) => Pushed::of(texts.push(bytes)),
            (Values::Bytes(texts), Given::Text(text)) => Pushed::of(texts.push_base64(text)),
            (Values::Timestamp(values), Given::Instant(micros)) => keep(values, micros),
            (Values::Timestamp(values), Given::Text(text)) => timed(values, text, text::instant),
            (Values::Date(values), Given::Day(days)) => keep(values, days),
            (Values::Date(values), Given::Text(text)) => timed(values, text, text::day),
            (Values::Duration(values), Given::Duration(micros)) => keep(values, micros),
            (Values::Duration(values), Given::Text(text)) => timed(values, text, text::duration),
            _ => Pushed::Misfit,
        }
    }
}

impl Texts {
    fn new() -> Self {
        Texts { offsets: vec![0], bytes: Vec::new() }
    }

    /// Adds a text; none if there is no room for it in an array of Arrow.
    #[inline]
    fn push(&mut self, text: &[u8]) -> Option<()> {
        let end = i32::try_from(self.bytes.len() + text.len()).ok()?;
        self.bytes.extend_from_slice(text);
        self.offsets.push(end);
        Some(())
    }

    fn push_base64(&mut self, text: &str) -> Option<()> {
        let decoded =
            STANDARD.decode_vec(text, &mut self.bytes).ok().and_then(|()| i32::try_from(self.bytes.len()).ok());
        match decoded {
            Some(end) => self.offsets.push(end),
            None => self.bytes.truncate(end(&self.offsets)),
        }
        decoded.map(|_| ())
    }

    fn truncate(&mut self, len: usize) {
        self.offsets.truncate(len + 1);
        self.bytes.truncate(end(&self.offsets));
    }

    fn take(&mut self) -> (OffsetBuffer<i32>, Buffer) {
        let room = self.bytes.len();
        let offsets = std::mem::replace(&mut self.offsets, vec![0]);
        let bytes = std::mem::replace(&mut self.bytes, Vec::with_capacity(room));
        (OffsetBuffer::new(offsets.into()), Buffer::from_vec(bytes))
    }

    fn finish_text(&mut self, nulls: Option<NullBuffer>) -> Result<ArrayRef, ArrowError> {
        let (offsets, bytes) = self.take();
        // Only whole texts are pushed, but Arrow checks once more: that takes next to nothing.
        Ok(Arc::new(StringArray::try_new(offsets, bytes, nulls)?))
    }
}

/// Where the last text or list ends.
fn end(offsets: &[i32]) -> usize {
    offsets.last().and_then(|end| usize::try_from(*end).ok()).unwrap_or(0)
}

fn taken<T: arrow::datatypes::ArrowNativeType>(values: &mut Vec<T>) -> ScalarBuffer<T> {
    let room = Vec::with_capacity(values.len());
    std::mem::replace(values, room).into()
}

#[inline]
fn keep<T>(values: &mut Vec<T>, value: T) -> Pushed {
    values.push(value);
    Pushed::Value
}

/// Text that stands for a time; spaces around it do not count, and empty text is no value, as in files.
#[inline]
fn timed<T>(values: &mut Vec<T>, text: &str, read: impl Fn(&str) -> Option<T>) -> Pushed {
    match text.trim_ascii() {
        "" => Pushed::Nothing,
        text => Pushed::of(read(text).map(|value| values.push(value))),
    }
}

/// A whole number, however it is written: 1 and 1.0, but not 1.5.
#[inline]
fn integer(given: Given<'_>) -> Option<i64> {
    /// 2⁶³, the first float beyond the range.
    const END: f64 = 9_223_372_036_854_775_808.0;
    match given {
        Given::Int(number) => Some(number),
        Given::Unsigned(number) => i64::try_from(number).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
        Given::Float(number) => (number.fract() == 0.0 && (-END..END).contains(&number)).then_some(number as i64),
        _ => None,
    }
}

#[inline]
#[expect(clippy::cast_precision_loss, reason = "integers become the nearest float, as everywhere in the language")]
fn float(given: Given<'_>) -> Option<f64> {
    match given {
        Given::Float(number) => Some(number),
        Given::Int(number) => Some(number as f64),
        Given::Unsigned(number) => Some(number as f64),
        _ => None,
    }
}

#[inline]
#[expect(clippy::cast_precision_loss, reason = "integers become the nearest float, as everywhere in the language")]
fn float32(given: Given<'_>) -> Option<f32> {
    match given {
        #[expect(clippy::cast_possible_truncation, reason = "what gets infinite is refused")]
        Given::Float(number) => Some(number as f32).filter(|cast| cast.is_infinite() == number.is_infinite()),
        Given::Int(number) => Some(number as f32),
        Given::Unsigned(number) => Some(number as f32),
        _ => None,
    }
}

fn has_digits(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn finish_vector(
    length: usize,
    item: &mut Column,
    nulls: Option<NullBuffer>,
    len: usize,
) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new_list_field(DataType::Float32, true));
    let width = i32::try_from(length).map_err(|error| ArrowError::InvalidArgumentError(error.to_string()))?;
    Ok(Arc::new(FixedSizeListArray::try_new_with_length(field, width, item.finish()?, nulls, len)?))
}

impl Given<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Given::Null => "null",
            Given::Bool(_) => "a truth value",
            Given::Int(_) | Given::Unsigned(_) | Given::Float(_) => "a number",
            Given::Text(_) => "text",
            Given::Bytes(_) => "bytes",
            Given::Instant(_) => "a timestamp",
            Given::Day(_) => "a date",
            Given::Duration(_) => "a duration",
            Given::Other(kind) => kind,
        }
    }
}

impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Given::Bool(value) => write!(f, "{value}"),
            Given::Int(value) => write!(f, "{value}"),
            Given::Unsigned(value) => write!(f, "{value}"),
            Given::Float(value) => write!(f, "{value:?}"),
            Given::Text(value) => f.write_str(&quoted(value)),
            Given::Bytes(value) => write!(f, "{} bytes", value.len()),
            Given::Instant(micros) => write!(f, "the instant {micros}"),
            Given::Day(days) => write!(f, "the day {days}"),
            Given::Duration(micros) => write!(f, "the duration {micros}us"),
            Given::Null | Given::Other(_) => f.write_str(self.kind()),
        }
    }
}
