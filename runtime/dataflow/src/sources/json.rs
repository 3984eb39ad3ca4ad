//! `json(path)`: files with one JSON object a line, columns matched by name. A name that an object lacks is missing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::reader::{Reader, ReaderBuilder, ValueIter};
use mlsys_plan::{Call, Field, Type};

use super::typed::{BATCH, unreadable};
use super::{Batches, Connector, InputFile, conform, text};
use crate::error::{Code, DataError};
use crate::types::{arrow_type, column};

const FORMAT: &str = "JSON";

/// In how many objects a declared name must occur at least once: a name that is misspelt would be missing everywhere.
const LOOKED_AT: usize = 10_000;

/// The connector `json`.
pub(super) struct Json;

impl Connector for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn check(&self, _call: &Call, columns: &[Field]) -> Result<(), DataError> {
        match columns.iter().find(|field| json_type(&field.ty.ty).is_none()) {
            None => Ok(()),
            Some(field) => {
                let message = format!("`json` cannot read column `{}`: `{}` has no JSON form", field.name, field.ty.ty);
                Err(DataError::new(Code::Unsupported, message).at_line(field.line))
            }
        }
    }

    fn read(&self, _call: &Call, file: &InputFile, columns: &[Field]) -> Result<Batches, DataError> {
        let names = names(file)?;
        // A file without an object says nothing about its names.
        if !names.is_empty() {
            conform::positions(file, &names, columns)?;
        }
        let fields = columns.iter().map(|field| {
            let ty = json_type(&field.ty.ty).unwrap_or(DataType::Utf8);
            ArrowField::new(&field.name, ty, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let reader = ReaderBuilder::new(schema).with_batch_size(BATCH).build(open(file)?);
        let reader = reader.map_err(|error| unreadable(file, FORMAT, &error.to_string()))?;
        Ok(Box::new(Rows::new(reader, file.clone(), columns.to_vec())))
    }
}

/// As which Arrow type values of a type are read: times and durations as text, as in CSV files.
fn json_type(ty: &Type) -> Option<DataType> {
    match ty {
        Type::Timestamp | Type::Date | Type::Duration => Some(DataType::Utf8),
        Type::Bytes => None,
        Type::List(item) => match item.as_ref() {
            Type::Timestamp | Type::Date | Type::Duration | Type::Bytes => None,
            item => json_type(item).map(|item| DataType::new_list(item, true)),
        },
        Type::Vector(_) => Some(DataType::new_list(DataType::Float32, true)),
        other => Some(arrow_type(other)),
    }
}

fn open(file: &InputFile) -> Result<BufReader<File>, DataError> {
    let opened = File::open(&file.path).map_err(|error| unreadable(file, FORMAT, &error.to_string()))?;
    Ok(BufReader::with_capacity(1 << 16, opened))
}

/// The names in the first objects of a file, ordered.
fn names(file: &InputFile) -> Result<Vec<String>, DataError> {
    let mut names = BTreeSet::new();
    for object in ValueIter::new(open(file)?, Some(LOOKED_AT)) {
        let object = object.map_err(|error| unreadable(file, FORMAT, &error.to_string()))?;
        names.extend(object.as_object().into_iter().flat_map(|object| object.keys().cloned()));
    }
    Ok(names.into_iter().collect())
}

/// The rows of one file, typed.
struct Rows {
    reader: Reader<BufReader<File>>,
    file: InputFile,
    columns: Vec<Field>,
    schema: SchemaRef,
    /// Rows that were read.
    rows: u64,
}

impl Rows {
    fn new(reader: Reader<BufReader<File>>, file: InputFile, columns: Vec<Field>) -> Self {
        let fields: Vec<ArrowField> = columns.iter().map(|field| column(&field.name, &field.ty)).collect();
        Rows { reader, file, columns, schema: Arc::new(Schema::new(fields)), rows: 0 }
    }

    fn convert(&mut self, batch: &RecordBatch) -> Result<RecordBatch, DataError> {
        let pairs = self.columns.iter().zip(batch.columns());
        let columns: Vec<ArrayRef> = pairs.map(|(field, found)| self.column(field, found)).collect::<Result<_, _>>()?;
        self.rows += batch.num_rows() as u64;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn column(&self, field: &Field, found: &ArrayRef) -> Result<ArrayRef, DataError> {
        let first_row = self.rows + 1;
        match &field.ty.ty {
            ty @ (Type::Timestamp | Type::Date | Type::Duration) => {
                let texts = found.as_string::<i32>();
                let parsed = text::parse_present(texts, ty).map_err(|text::BadField(row)| {
                    conform::wrong_value(&self.file, field, first_row + row as u64, texts.value(row))
                })?;
                conform::finish(&self.file, field, parsed, first_row)
            }
            _ => conform::convert(&self.file, field, found, first_row),
        }
    }

    /// A value of another type, or text that is no JSON.
    fn failure(&self, error: &ArrowError) -> DataError {
        let reason = match error {
            ArrowError::JsonError(reason) => reason.clone(),
            other => other.to_string(),
        };
        let named = self.columns.iter().find(|field| reason.contains(&format!("'{}'", field.name)));
        match named {
            Some(field) => {
                let message = format!(
                    "column `{}` of `{}`, declared `{}`, has a value of another type: {reason}",
                    field.name, self.file.name, field.ty
                );
                DataError::new(Code::WrongType, message).at_line(field.line)
            }
            None => unreadable(&self.file, FORMAT, &reason),
        }
    }
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(match batch {
            Ok(batch) => self.convert(&batch),
            Err(error) => Err(self.failure(&error)),
        })
    }
}
