//! Rows of a file whose columns have Arrow types already, brought to the declared ones.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use arrow::error::ArrowError;
use mlsys_plan::Field;

use super::{InputFile, conform};
use crate::error::{Code, DataError};
use crate::types::column;

/// Rows per batch.
pub(super) const BATCH: usize = 8192;

/// The rows of one file, typed.
pub(super) struct Typed<R> {
    reader: R,
    /// The format's name in messages.
    format: &'static str,
    file: InputFile,
    columns: Vec<Field>,
    schema: SchemaRef,
    /// Rows that were read.
    rows: u64,
}

impl<R> Typed<R> {
    pub(super) fn new(reader: R, format: &'static str, file: InputFile, columns: Vec<Field>) -> Self {
        let fields: Vec<ArrowField> = columns.iter().map(|field| column(&field.name, &field.ty)).collect();
        Typed { reader, format, file, columns, schema: Arc::new(Schema::new(fields)), rows: 0 }
    }

    /// The reader gives columns in the file's order; they are put into the declared one.
    fn convert(&mut self, batch: &RecordBatch) -> Result<RecordBatch, DataError> {
        let first_row = self.rows + 1;
        let convert = |field: &Field| {
            let found = batch.column_by_name(&field.name);
            let found = found.ok_or_else(|| DataError::internal(format!("column `{}` was not read", field.name)))?;
            conform::convert(&self.file, field, found, first_row)
        };
        let columns: Vec<ArrayRef> = self.columns.iter().map(convert).collect::<Result<_, _>>()?;
        self.rows += batch.num_rows() as u64;
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

impl<R: Iterator<Item = Result<RecordBatch, ArrowError>>> Iterator for Typed<R> {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(match batch {
            Ok(batch) => self.convert(&batch),
            Err(error) => Err(unreadable(&self.file, self.format, &error.to_string())),
        })
    }
}

/// Where the declared columns stand in a file with these columns; refuses those of other types.
///
/// # Errors
/// E0902, E0903.
pub(super) fn positions(file: &InputFile, found: &Schema, columns: &[Field]) -> Result<Vec<usize>, DataError> {
    let names: Vec<String> = found.fields().iter().map(|field| field.name().clone()).collect();
    let positions = conform::positions(file, &names, columns)?;
    for (field, position) in columns.iter().zip(&positions) {
        conform::check_type(file, field, found.field(*position).data_type())?;
    }
    Ok(positions)
}

/// The failure for a file that is not of a format.
pub(super) fn unreadable(file: &InputFile, format: &str, reason: &str) -> DataError {
    DataError::new(Code::SourceUnreadable, format!("`{}` cannot be read as {format}: {reason}", file.name))
}
