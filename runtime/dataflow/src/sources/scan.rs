//! A source's rows as a table of DataFusion: one ordered stream over its files, with each row's place.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;
use mlsys_plan::Source;

use super::{Connector, InputFile};
use crate::error::DataError;
use crate::types::column;

/// The column that numbers a row's file, from 0.
pub(crate) const FILE: &str = "__file";
/// The column that numbers a row in its file, from 1.
pub(crate) const ROW: &str = "__row";
/// Batches that are read ahead.
const AHEAD: usize = 4;

/// The declared columns of a source, and each row's place.
pub(crate) fn scan_schema(source: &Source) -> SchemaRef {
    let declared = source.schema.iter().map(|field| column(&field.name, &field.ty));
    let place = [Field::new(FILE, DataType::Int32, false), Field::new(ROW, DataType::Int64, false)];
    Arc::new(Schema::new(declared.chain(place).collect::<Vec<_>>()))
}

/// All files of a source, one after the other. There is a single partition: the order of rows is part of the result.
pub(crate) struct ScanStream {
    connector: &'static dyn Connector,
    source: Arc<Source>,
    files: Arc<[InputFile]>,
    schema: SchemaRef,
}

impl ScanStream {
    pub(crate) fn new(connector: &'static dyn Connector, source: Arc<Source>, files: Arc<[InputFile]>) -> Self {
        let schema = scan_schema(&source);
        ScanStream { connector, source, files, schema }
    }
}

impl std::fmt::Debug for ScanStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.connector.name(), self.source.name)
    }
}

impl PartitionStream for ScanStream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), AHEAD);
        let sender = builder.tx();
        let (connector, source) = (self.connector, Arc::clone(&self.source));
        let (files, schema) = (Arc::clone(&self.files), Arc::clone(&self.schema));
        builder.spawn_blocking(move || {
            for (index, file) in files.iter().enumerate() {
                for batch in read(connector, &source, file, index, &schema)? {
                    // Nobody listens any more when the query has failed or was cancelled.
                    if sender.blocking_send(batch).is_err() {
                        return Ok(());
                    }
                }
            }
            Ok(())
        });
        builder.build()
    }
}

fn read(
    connector: &'static dyn Connector,
    source: &Source,
    file: &InputFile,
    index: usize,
    schema: &SchemaRef,
) -> Result<impl Iterator<Item = Result<RecordBatch>>, DataError> {
    let batches = connector.read(&source.connector, file, &source.schema)?;
    let schema = Arc::clone(schema);
    let mut rows = 0;
    Ok(batches.map(move |batch| {
        let batch = batch?;
        let located = with_place(&schema, &batch, index, rows)?;
        rows += batch.num_rows();
        Ok(located)
    }))
}

fn with_place(schema: &SchemaRef, batch: &RecordBatch, file: usize, before: usize) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns = batch.columns().to_vec();
    let files: ArrayRef = Arc::new(Int32Array::from(vec![i32::try_from(file).unwrap_or(i32::MAX); rows]));
    let numbers = (before + 1..=before + rows).map(|row| row as i64);
    columns.push(files);
    columns.push(Arc::new(Int64Array::from_iter_values(numbers)));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
