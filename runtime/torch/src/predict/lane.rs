//! One of the tables that lie side by side: its files one after the other, in pieces of any length.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use super::BATCH;
use crate::error::TrainError;

/// A table that is being read.
pub(super) struct Lane {
    waiting: VecDeque<PathBuf>,
    /// The file that is being read.
    current: Option<(PathBuf, ParquetRecordBatchReader)>,
    /// What was read and not yet asked for.
    rest: Option<RecordBatch>,
}

/// The number of rows of a file.
///
/// # Errors
/// The file cannot be read.
pub(super) fn rows_of(path: &Path) -> Result<usize, TrainError> {
    let rows = open(path)?.metadata().file_metadata().num_rows();
    Ok(usize::try_from(rows).unwrap_or_default())
}

impl Lane {
    /// The table that these files make up.
    pub(super) fn new(files: &[PathBuf]) -> Self {
        Lane { waiting: files.iter().cloned().collect(), current: None, rest: None }
    }

    /// The next so many rows.
    ///
    /// # Errors
    /// A file cannot be read, or there are not as many rows.
    pub(super) fn next(&mut self, rows: usize) -> Result<RecordBatch, TrainError> {
        if let Some(rest) = self.rest.as_ref().filter(|_| rows == 0) {
            return Ok(rest.slice(0, 0));
        }
        let mut pieces: Vec<RecordBatch> = Vec::new();
        let mut wanted = rows;
        while wanted > 0 || pieces.is_empty() {
            let piece = self.piece()?;
            let taken = piece.num_rows().min(wanted);
            pieces.push(piece.slice(0, taken));
            self.rest = Some(piece.slice(taken, piece.num_rows() - taken));
            wanted -= taken;
        }
        let whole = concat_batches(&pieces[0].schema(), &pieces);
        whole.map_err(|error| self.unreadable(&error.to_string()))
    }

    /// Rows that were not asked for yet; none only if no rows are wanted and there are none before the next file.
    fn piece(&mut self) -> Result<RecordBatch, TrainError> {
        if let Some(rest) = self.rest.take().filter(|rest| rest.num_rows() > 0) {
            return Ok(rest);
        }
        loop {
            if let Some((_, reader)) = &mut self.current {
                match reader.next().transpose() {
                    Ok(Some(batch)) => return Ok(batch),
                    Ok(None) => self.current = None,
                    Err(error) => return Err(self.unreadable(&error.to_string())),
                }
            }
            let Some(path) = self.waiting.pop_front() else {
                return Err(self.unreadable("it has fewer rows than the tables beside it"));
            };
            let builder = open(&path)?;
            if builder.metadata().file_metadata().num_rows() == 0 {
                let none = RecordBatch::new_empty(builder.schema().clone());
                return Ok(none);
            }
            let reader = builder.with_batch_size(BATCH).build();
            let unreadable = |reason: String| TrainError::Unreadable { path: path.clone(), reason };
            self.current = Some((path.clone(), reader.map_err(|error| unreadable(error.to_string()))?));
        }
    }

    fn unreadable(&self, reason: &str) -> TrainError {
        let path = self.current.as_ref().map(|(path, _)| path.clone()).unwrap_or_default();
        TrainError::Unreadable { path, reason: reason.to_owned() }
    }
}

fn open(path: &Path) -> Result<ParquetRecordBatchReaderBuilder<File>, TrainError> {
    let unreadable = |reason: String| TrainError::Unreadable { path: path.to_owned(), reason };
    let file = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(error.to_string()))
}
