//! Row identity: which rows a later row with the same key replaces.

use std::fs::File;
use std::path::Path;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::SchemaRef;
use datafusion::execution::runtime_env::RuntimeEnv;
use mlsys_plan::Source;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::sync::mpsc;

use super::seen::Seen;
use crate::error::DataError;

/// The keys of the rows so far, and which rows a later one replaces.
pub(super) struct Keys {
    seen: Option<Seen>,
    /// Rows that a later row replaces, as a bitmap by row.
    superseded: Vec<u64>,
    superseded_count: u64,
    rows: u64,
}

impl Keys {
    pub(super) fn new(source: &Source, schema: &SchemaRef, runtime: &RuntimeEnv) -> Result<Self, DataError> {
        let whose = format!("keys of {}", source.name);
        let has_key = !source.key.is_empty();
        let seen = has_key.then(|| Seen::new(&source.key, schema, runtime, &whose)).transpose()?;
        Ok(Keys { seen, superseded: Vec::new(), superseded_count: 0, rows: 0 })
    }

    /// Takes the next rows that stay.
    ///
    /// # Errors
    /// E0912 if the keys do not fit into memory.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let Some(mut seen) = self.seen.take() else { return Ok(()) };
        let keys = seen.values(batch)?;
        for row in 0..batch.num_rows() {
            // A key with a missing part says nothing about identity.
            let Some(key) = keys.of(row) else { continue };
            if let Some(replaced) = seen.insert(key, self.rows + row as u64) {
                self.supersede(replaced);
            }
        }
        self.rows += batch.num_rows() as u64;
        self.superseded.resize(self.rows.div_ceil(64) as usize, 0);
        seen.reserve(self.superseded.capacity() * 8)?;
        self.seen = Some(seen);
        Ok(())
    }

    /// How many rows a later row replaces.
    pub(super) fn superseded(&self) -> u64 {
        self.superseded_count
    }

    fn supersede(&mut self, row: u64) {
        let word = (row / 64) as usize;
        if word >= self.superseded.len() {
            self.superseded.resize(word + 1, 0);
        }
        self.superseded[word] |= 1 << (row % 64);
        self.superseded_count += 1;
    }

    pub(super) fn is_current(&self, row: u64) -> bool {
        self.superseded[(row / 64) as usize] & (1 << (row % 64)) == 0
    }
}

/// Reads a written table again, without the rows that were replaced.
///
/// # Errors
/// E0911 if the table cannot be read.
pub(super) fn current_rows(
    path: &Path,
    keys: Keys,
) -> Result<mpsc::Receiver<Result<RecordBatch, DataError>>, DataError> {
    let file = File::open(path).map_err(|error| DataError::store("read the table", path, &error))?;
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.with_batch_size(8192).build()?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let mut row = 0;
        for batch in reader {
            let current = batch.map_err(DataError::from).and_then(|batch| current(&batch, &mut row, &keys));
            // The receiver is gone when the run has failed.
            if sender.blocking_send(current).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

fn current(batch: &RecordBatch, row: &mut u64, keys: &Keys) -> Result<RecordBatch, DataError> {
    let end = *row + batch.num_rows() as u64;
    let mask: BooleanArray = (*row..end).map(|row| Some(keys.is_current(row))).collect();
    *row = end;
    Ok(compute::filter_record_batch(batch, &mask)?)
}
