//! A source's rows that are kept in memory instead of being written: for tests of definitions.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute;
use mlsys_plan::Source;

use super::judge::Judge;
use super::keys::Keys;
use super::stored_columns;
use crate::error::DataError;
use crate::session::Dataflow;
use crate::sources::InputFile;
use crate::types::source_schema;

/// Rows that have been judged and stay.
pub(crate) struct InlineRows<'a> {
    judge: Judge<'a>,
    keys: Keys,
    schema: arrow::datatypes::SchemaRef,
    kept: Vec<RecordBatch>,
}

impl<'a> InlineRows<'a> {
    pub(crate) fn new(dataflow: &Dataflow, source: &'a Source, file: InputFile) -> Result<Self, DataError> {
        let schema = source_schema(source);
        let judge = Judge::new(source, Arc::from([file]));
        let keys = Keys::new(source, &schema, dataflow.runtime())?;
        Ok(InlineRows { judge, keys, schema, kept: Vec::new() })
    }

    /// Takes a batch of the source's plan.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let judged = self.judge.judge(batch)?;
        let kept = stored_columns(&self.schema, batch, &judged)?;
        self.keys.add(&kept)?;
        self.kept.push(kept);
        Ok(())
    }

    /// The rows that stay, and those among them that no later row replaces.
    ///
    /// # Errors
    /// E0904, E0906 or E0907 if a row has been met that would stop a run.
    pub(crate) fn finish(self) -> Result<(RecordBatch, RecordBatch), DataError> {
        self.judge.verdict()?;
        let rows = compute::concat_batches(&self.schema, &self.kept)?;
        if self.keys.superseded() == 0 {
            return Ok((rows.clone(), rows));
        }
        let current: BooleanArray = (0..rows.num_rows() as u64).map(|row| Some(self.keys.is_current(row))).collect();
        let current = compute::filter_record_batch(&rows, &current)?;
        Ok((rows, current))
    }
}
