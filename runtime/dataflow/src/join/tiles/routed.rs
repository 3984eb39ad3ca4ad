//! Tables that are written at the same time, each with the rows of its number.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{Int64Type, Schema, SchemaRef};

use super::node::TILE;
use crate::error::DataError;
use crate::sink::Sink;

/// Tables by number.
pub(super) struct Routed {
    sinks: Vec<Sink>,
    schema: SchemaRef,
    /// Where the number of the table is among the columns of rows.
    number: usize,
}

impl Routed {
    /// Tables with these paths, for rows of these columns, one of which is the number.
    ///
    /// # Errors
    /// E0911 if one cannot be written.
    pub(super) fn create(paths: &[PathBuf], rows: &Schema) -> Result<Self, DataError> {
        let number = rows.index_of(TILE)?;
        let fields = rows.fields().iter().filter(|field| field.name() != TILE).cloned().collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(fields));
        let sinks = paths.iter().map(|path| Sink::quick(path, &schema)).collect::<Result<_, _>>()?;
        Ok(Routed { sinks, schema, number })
    }

    /// Adds rows, each to its table.
    ///
    /// # Errors
    /// E0911 if one cannot be written.
    pub(super) async fn write(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let numbers = Arc::clone(batch.column(self.number));
        let order = compute::sort_to_indices(&numbers, None, None)?;
        let numbers = compute::take(&numbers, &order, None)?;
        let columns = batch.columns().iter().enumerate().filter(|(index, _)| *index != self.number);
        let columns = columns.map(|(_, column)| compute::take(column, &order, None)).collect::<Result<_, _>>()?;
        let rows = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        for range in compute::partition(&[Arc::clone(&numbers)])?.ranges() {
            let number = numbers.as_primitive::<Int64Type>().value(range.start);
            let sink = usize::try_from(number).ok().and_then(|number| self.sinks.get_mut(number));
            let sink = sink.ok_or_else(|| DataError::internal(format!("there is no tile {number}")))?;
            sink.write(rows.slice(range.start, range.len())).await?;
        }
        Ok(())
    }

    /// Puts the tables into their places.
    ///
    /// # Errors
    /// E0911 if one cannot be written.
    pub(super) async fn finish(self) -> Result<(), DataError> {
        for sink in self.sinks {
            sink.finish().await?.publish()?;
        }
        Ok(())
    }
}
