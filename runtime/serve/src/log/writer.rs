//! The files of the log.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::{Entry, LogOptions, columns};

/// Rows that are put into columns together.
const TOGETHER: usize = 4_096;

/// Writes answers to files, one after the other.
pub(super) struct Writer {
    options: LogOptions,
    /// Answers as columns that wait to be written together.
    waiting: Vec<RecordBatch>,
    rows_waiting: usize,
    open: Option<Open>,
    files: u64,
}

/// A file that is being written.
struct Open {
    writer: ArrowWriter<File>,
    hidden: PathBuf,
    complete: PathBuf,
    since: Instant,
    rows: usize,
}

impl Writer {
    pub(super) fn new(options: LogOptions) -> Self {
        Writer { options, waiting: Vec::new(), rows_waiting: 0, open: None, files: 0 }
    }

    /// How long the present file may stay open; an hour if there is none.
    pub(super) fn time_left(&self) -> Duration {
        const NOTHING_TO_DO: Duration = Duration::from_secs(3_600);
        self.open.as_ref().map_or(NOTHING_TO_DO, |open| self.options.age.saturating_sub(open.since.elapsed()))
    }

    /// Takes an answer. Where another version brings other columns, another file begins.
    pub(super) fn push(&mut self, entry: Entry) -> io::Result<()> {
        let batch = columns::of_entry(&entry, &self.options).map_err(io::Error::other)?;
        drop(entry);
        if self.waiting.first().is_some_and(|first| first.schema() != batch.schema()) {
            self.flush()?;
        }
        if self.open.is_none() {
            self.open = Some(self.begin(&batch)?);
        }
        self.rows_waiting += batch.num_rows();
        self.waiting.push(batch);
        if self.rows_waiting >= TOGETHER {
            self.write()?;
        }
        let full = self.open.as_ref().is_some_and(|open| open.rows + self.rows_waiting >= self.options.rows);
        if full || self.time_left().is_zero() {
            self.flush()?;
        }
        Ok(())
    }

    /// Completes the present file, if there is one.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let written = self.write();
        let Some(open) = self.open.take() else { return written };
        // A file that cannot be completed does not appear.
        let completed = written.and_then(|()| {
            let file = open.writer.into_inner().map_err(io::Error::other)?;
            file.sync_all()?;
            std::fs::rename(&open.hidden, &open.complete)
        });
        completed.inspect_err(|_| {
            let _ = std::fs::remove_file(&open.hidden);
        })
    }

    fn write(&mut self) -> io::Result<()> {
        let (batches, rows) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.rows_waiting));
        let (Some(first), Some(open)) = (batches.first(), &mut self.open) else { return Ok(()) };
        let together = concat_batches(&first.schema(), &batches).map_err(io::Error::other)?;
        open.rows += rows;
        open.writer.write(&together).map_err(io::Error::other)
    }

    fn begin(&mut self, first: &RecordBatch) -> io::Result<Open> {
        self.files += 1;
        let micros = crate::batching::now();
        let name = format!("{micros}-{}-{}.parquet", std::process::id(), self.files);
        let hidden = self.options.folder.join(format!(".{name}"));
        let level = ZstdLevel::try_new(1).map_err(io::Error::other)?;
        let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let file = File::create(&hidden)?;
        let writer = ArrowWriter::try_new(file, first.schema(), Some(properties)).map_err(io::Error::other)?;
        Ok(Open { writer, hidden, complete: self.options.folder.join(name), since: Instant::now(), rows: 0 })
    }
}
