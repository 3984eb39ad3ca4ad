//! Columns as JSON objects: what [`crate::RowReader`] reads as the same values again.

use std::io::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, FixedSizeListArray, ListArray, PrimitiveArray, RecordBatch,
    StringArray,
};
use arrow::datatypes::{
    DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::SchemaError;
use crate::text;

/// Writes the rows of a batch as JSON. What JSON cannot say becomes null: floats that are not finite, and instants and days
/// in years of more than four digits.
pub struct RowWriter<'a> {
    columns: Vec<(Vec<u8>, Values<'a>)>,
}

/// A column with its type found out, once for all rows.
enum Values<'a> {
    Null,
    Bool(&'a BooleanArray),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
    Timestamp(&'a PrimitiveArray<TimestampMicrosecondType>),
    Date(&'a PrimitiveArray<Date32Type>),
    Duration(&'a PrimitiveArray<DurationMicrosecondType>),
    List(&'a ListArray, Box<Values<'a>>),
    Vector(&'a FixedSizeListArray, Box<Values<'a>>),
}

impl<'a> RowWriter<'a> {
    /// A writer of the batch's rows.
    ///
    /// # Errors
    /// A column has a type that no type of the plan becomes.
    pub fn new(batch: &'a RecordBatch) -> Result<Self, SchemaError> {
        let schema = batch.schema_ref();
        let pairs = schema.fields().iter().zip(batch.columns());
        let columns = pairs.map(|(field, column)| {
            let mut key = Vec::with_capacity(field.name().len() + 3);
            json(field.name(), &mut key);
            key.push(b':');
            Ok((key, Values::new(field.name(), column)?))
        });
        Ok(RowWriter { columns: columns.collect::<Result<_, _>>()? })
    }

    /// Appends a row as an object.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (key, values)) in self.columns.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(key);
            values.write(row, out);
        }
        out.push(b'}');
    }

    /// Appends the value of one column in a row.
    pub fn write_value(&self, column: usize, row: usize, out: &mut Vec<u8>) {
        self.columns[column].1.write(row, out);
    }
}

/// Appends a row of a batch as an object. Whoever writes many uses a [`RowWriter`].
///
/// # Errors
/// As [`RowWriter::new`].
pub fn write_row(batch: &RecordBatch, row: usize, out: &mut Vec<u8>) -> Result<(), SchemaError> {
    RowWriter::new(batch)?.write(row, out);
    Ok(())
}

/// Appends all rows of a batch, one object a line.
///
/// # Errors
/// As [`RowWriter::new`].
pub fn write_rows(batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), SchemaError> {
    let writer = RowWriter::new(batch)?;
    for row in 0..batch.num_rows() {
        writer.write(row, out);
        out.push(b'\n');
    }
    Ok(())
}

impl<'a> Values<'a> {
    fn new(name: &str, column: &'a ArrayRef) -> Result<Self, SchemaError> {
        Ok(match column.data_type() {
            DataType::Null => Values::Null,
            DataType::Boolean => Values::Bool(column.as_boolean()),
            DataType::Int32 => Values::Int32(column.as_primitive()),
            DataType::Int64 => Values::Int64(column.as_primitive()),
            DataType::Float32 => Values::Float32(column.as_primitive()),
            DataType::Float64 => Values::Float64(column.as_primitive()),
            DataType::Utf8 => Values::Text(column.as_string()),
            DataType::Binary => Values::Bytes(column.as_binary()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Values::Timestamp(column.as_primitive()),
            DataType::Date32 => Values::Date(column.as_primitive()),
            DataType::Duration(TimeUnit::Microsecond) => Values::Duration(column.as_primitive()),
            DataType::List(_) => {
                let lists = column.as_list::<i32>();
                Values::List(lists, Box::new(Values::new(name, lists.values())?))
            }
            DataType::FixedSizeList(..) => {
                let lists = column.as_fixed_size_list();
                Values::Vector(lists, Box::new(Values::new(name, lists.values())?))
            }
            other => return Err(SchemaError::Type { column: name.to_owned(), ty: other.to_string() }),
        })
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Values::Null => true,
            Values::Bool(values) => values.is_null(row),
            Values::Int32(values) => values.is_null(row),
            Values::Int64(values) => values.is_null(row),
            Values::Float32(values) => values.is_null(row),
            Values::Float64(values) => values.is_null(row),
            Values::Text(values) => values.is_null(row),
            Values::Bytes(values) => values.is_null(row),
            Values::Timestamp(values) => values.is_null(row),
            Values::Date(values) => values.is_null(row),
            Values::Duration(values) => values.is_null(row),
            Values::List(values, _) => values.is_null(row),
            Values::Vector(values, _) => values.is_null(row),
        }
    }

    fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match self {
            Values::Null => {}
            Values::Bool(values) => json(&values.value(row), out),
            Values::Int32(values) => json(&values.value(row), out),
            Values::Int64(values) => json(&values.value(row), out),
            Values::Float32(values) => json(&values.value(row), out),
            Values::Float64(values) => json(&values.value(row), out),
            Values::Text(values) => json(values.value(row), out),
            Values::Bytes(values) => {
                let encoded = STANDARD.encode(values.value(row));
                json(&encoded, out);
            }
            Values::Timestamp(values) => quoted(out, |out| text::write_instant(values.value(row), out)),
            Values::Date(values) => quoted(out, |out| text::write_day(values.value(row), out)),
            Values::Duration(values) => quoted(out, |out| {
                text::write_duration(values.value(row), out);
                true
            }),
            Values::List(lists, items) => {
                let offsets = lists.value_offsets();
                let position = |row: usize| usize::try_from(offsets[row]).unwrap_or(0);
                items.write_list(position(row), position(row + 1), out);
            }
            Values::Vector(lists, items) => {
                let length = usize::try_from(lists.value_length()).unwrap_or(0);
                items.write_list(row * length, (row + 1) * length, out);
            }
        }
    }

    fn write_list(&self, from: usize, to: usize, out: &mut Vec<u8>) {
        out.push(b'[');
        for row in from..to {
            if row > from {
                out.push(b',');
            }
            self.write(row, out);
        }
        out.push(b']');
    }
}

/// Writes text in quotes, or null where there is none.
fn quoted(out: &mut Vec<u8>, write: impl Fn(&mut Vec<u8>) -> bool) {
    let start = out.len();
    out.push(b'"');
    if write(out) {
        out.push(b'"');
    } else {
        out.truncate(start);
        out.extend_from_slice(b"null");
    }
}

/// Writes a scalar as JSON; floats that are not finite become null.
#[inline]
fn json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        // A vector takes everything, and scalars have no part that fails: this is for the type checker.
        out.truncate(start);
        let _ = out.write_all(b"null");
    }
}
