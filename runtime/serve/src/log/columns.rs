//! Answers as the columns of the log.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array, UInt64Array, new_null_array,
};
use arrow::compute::concat;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;

use super::hashing::hashed;
use super::{Entry, LogOptions};
use crate::answer::Part;

/// The rows of one answer.
pub(super) fn of_entry(entry: &Entry, options: &LogOptions) -> Result<RecordBatch, ArrowError> {
    let mut table = Table { options, fields: Vec::new(), columns: Vec::new() };
    about(entry, &mut table)?;
    for (field, column) in entry.rows.schema().fields().iter().zip(entry.rows.columns()) {
        table.add("input_", field.name(), ArrayRef::clone(column))?;
    }
    for (name, column) in gathered(&entry.answer.parts, |part| part.scored.features.as_ref())? {
        table.add("feature_", &name, column)?;
    }
    for (name, column) in gathered(&entry.answer.parts, |part| Some(&part.scored.predictions))? {
        table.add("output_", &name, column)?;
    }
    RecordBatch::try_new(Arc::new(Schema::new(table.fields)), table.columns)
}

/// Columns with names of which no two are equal.
struct Table<'a> {
    options: &'a LogOptions,
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
}

impl Table<'_> {
    fn add(&mut self, prefix: &str, name: &str, column: ArrayRef) -> Result<(), ArrowError> {
        if self.options.hidden.iter().any(|hidden| hidden == name) {
            return Ok(());
        }
        let column: ArrayRef = match self.options.hashed.iter().any(|hashed| hashed == name) {
            true => Arc::new(hashed(name, &column, &self.options.hash_key)?),
            false => column,
        };
        let mut unique = name.to_owned();
        while self.fields.iter().any(|field| *field.name() == unique) {
            unique.insert_str(0, prefix);
        }
        self.fields.push(Field::new(unique, column.data_type().clone(), true));
        self.columns.push(column);
        Ok(())
    }
}

/// What is known of an answer besides its values.
fn about(entry: &Entry, table: &mut Table<'_>) -> Result<(), ArrowError> {
    let count = entry.rows.num_rows();
    let version = entry.answer.version();
    let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text; count])) };
    let rows: Vec<(&Part, usize)> =
        entry.answer.parts.iter().flat_map(|part| part.rows.clone().map(move |row| (part, row))).collect();
    let fallback: StringArray = rows.iter().map(|(part, _)| part.fallback).collect();
    let errors: StringArray = rows.iter().map(|(part, row)| part.scored.failure(*row)).collect();
    let at = TimestampMicrosecondArray::from(vec![entry.at; count]).with_timezone("UTC");
    let latency = i64::try_from(entry.latency.as_micros()).unwrap_or(i64::MAX);
    let places = (0..count).map(|row| u32::try_from(row).unwrap_or(u32::MAX)).collect::<UInt32Array>();
    let columns: [(&str, ArrayRef); 10] = [
        ("request_id", texts(entry.id.as_str())),
        ("answered_at", Arc::new(at)),
        ("row", Arc::new(places)),
        ("model", texts(&version.model)),
        ("version", Arc::new(UInt64Array::from(vec![version.number; count]))),
        ("variant", texts(&version.variant)),
        ("artefact", texts(&version.artefact)),
        ("fallback", Arc::new(fallback)),
        ("error", Arc::new(errors)),
        ("latency_us", Arc::new(Int64Array::from(vec![latency; count]))),
    ];
    columns.into_iter().try_for_each(|(name, column)| table.add("", name, column))
}

/// The columns of a part of what was scored, over all parts of an answer; a part that lacks a column has no values there.
fn gathered<'a>(
    parts: &'a [Part],
    of: impl Fn(&'a Part) -> Option<&'a RecordBatch>,
) -> Result<Vec<(String, ArrayRef)>, ArrowError> {
    let Some(first) = parts.iter().find_map(&of) else { return Ok(Vec::new()) };
    let fields = first.schema();
    let column = |field: &Field| {
        let piece = |part: &'a Part| match of(part).and_then(|batch| batch.column_by_name(field.name())) {
            Some(column) if column.data_type() == field.data_type() => column.slice(part.rows.start, part.rows.len()),
            _ => new_null_array(field.data_type(), part.rows.len()),
        };
        let pieces: Vec<ArrayRef> = parts.iter().map(piece).collect();
        let slices: Vec<&dyn arrow::array::Array> = pieces.iter().map(AsRef::as_ref).collect();
        Ok((field.name().clone(), concat(&slices)?))
    };
    fields.fields().iter().map(|field| column(field)).collect()
}
