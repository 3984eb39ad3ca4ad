//! `parquet(path)`: Parquet files, columns matched by name.

use std::fs::File;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use mlsys_plan::{Call, Field};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::{Batches, Connector, InputFile, conform};
use crate::error::{Code, DataError};
use crate::types::column;

const BATCH: usize = 8192;

/// The connector `parquet`.
pub(super) struct Parquet;

impl Connector for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn check(&self, _call: &Call, _columns: &[Field]) -> Result<(), DataError> {
        Ok(())
    }

    fn read(&self, _call: &Call, file: &InputFile, columns: &[Field]) -> Result<Batches, DataError> {
        let opened = File::open(&file.path).map_err(|error| unreadable(file, &error.to_string()))?;
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|error| unreadable(file, &error.to_string()))?;
        let found = Arc::clone(builder.schema());
        let names: Vec<String> = found.fields().iter().map(|field| field.name().clone()).collect();
        let positions = conform::positions(file, &names, columns)?;
        for (field, position) in columns.iter().zip(&positions) {
            conform::check_type(file, field, found.field(*position).data_type())?;
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), positions);
        let reader = builder.with_projection(mask).with_batch_size(BATCH).build();
        let reader = reader.map_err(|error| unreadable(file, &error.to_string()))?;
        Ok(Box::new(Rows::new(reader, file.clone(), columns.to_vec())))
    }
}

/// The rows of one file, typed.
struct Rows {
    reader: ParquetRecordBatchReader,
    file: InputFile,
    columns: Vec<Field>,
    schema: SchemaRef,
    /// Rows that were read.
    rows: u64,
}

impl Rows {
    fn new(reader: ParquetRecordBatchReader, file: InputFile, columns: Vec<Field>) -> Self {
        let fields: Vec<ArrowField> = columns.iter().map(|field| column(&field.name, &field.ty)).collect();
        Rows { reader, file, columns, schema: Arc::new(Schema::new(fields)), rows: 0 }
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

impl Iterator for Rows {
    type Item = Result<RecordBatch, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(match batch {
            Ok(batch) => self.convert(&batch),
            Err(error) => Err(unreadable(&self.file, &error.to_string())),
        })
    }
}

fn unreadable(file: &InputFile, reason: &str) -> DataError {
    DataError::new(Code::SourceUnreadable, format!("`{}` cannot be read as Parquet: {reason}", file.name))
}
