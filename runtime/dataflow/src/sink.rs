//! Writing a stored table: one Parquet file, written beside its place by a thread of its own, then renamed into it.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::DataError;

/// Batches that may wait for the writer.
const WAITING: usize = 4;
/// Rows per row group: what one reader decodes at a time, and the grain at which several readers share a file.
const ROW_GROUP: usize = 1 << 17;

/// A table that is being written. Dropping it without [`Sink::finish`] leaves nothing behind.
pub(crate) struct Sink {
    batches: mpsc::Sender<RecordBatch>,
    writer: JoinHandle<Result<u64, DataError>>,
    temporary: Temporary,
}

/// A table that is complete but not yet in its place.
pub(crate) struct Finished {
    temporary: Temporary,
    /// Rows that were written.
    pub(crate) rows: u64,
}

/// A file beside its final place, removed unless it is moved there.
struct Temporary {
    path: PathBuf,
    target: PathBuf,
    moved: bool,
}

impl Sink {
    /// Begins a table that will be at `target`.
    ///
    /// # Errors
    /// E0911 if the folder cannot be made or written.
    pub(crate) fn create(target: &Path, schema: &SchemaRef) -> Result<Self, DataError> {
        let temporary = Temporary::beside(target)?;
        let mut table = open(&temporary.path, schema)?;
        let (batches, mut waiting) = mpsc::channel::<RecordBatch>(WAITING);
        let path = target.to_owned();
        let writer = tokio::task::spawn_blocking(move || {
            let failed = |error: &dyn std::error::Error| DataError::store("write the table", &path, error);
            let mut rows = 0;
            while let Some(batch) = waiting.blocking_recv() {
                rows += batch.num_rows() as u64;
                table.write(&batch).map_err(|error| failed(&error))?;
            }
            let file = table.into_inner().map_err(|error| failed(&error))?;
            // A table that is in its place is complete, also after the machine has lost power.
            let file = file.into_inner().map_err(|error| failed(&error))?;
            file.sync_all().map_err(|error| failed(&error))?;
            Ok(rows)
        });
        Ok(Sink { batches, writer, temporary })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// E0911 if the disk is full or the file cannot be written.
    pub(crate) async fn write(&mut self, batch: RecordBatch) -> Result<(), DataError> {
        if batch.num_rows() == 0 || self.batches.send(batch).await.is_ok() {
            return Ok(());
        }
        // The writer listens until it fails.
        joined((&mut self.writer).await).and(Err(DataError::internal("the writer of a table has stopped")))
    }

    /// Waits until every row is written.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub(crate) async fn finish(self) -> Result<Finished, DataError> {
        let Sink { batches, writer, temporary } = self;
        drop(batches);
        let rows = joined(writer.await)?;
        Ok(Finished { temporary, rows })
    }
}

impl Finished {
    /// Where the complete table is now.
    pub(crate) fn path(&self) -> &Path {
        &self.temporary.path
    }

    /// Puts the table into its place, at once.
    ///
    /// # Errors
    /// E0911 if the file cannot be renamed.
    pub(crate) fn publish(mut self) -> Result<(), DataError> {
        let Temporary { path, target, moved } = &mut self.temporary;
        fs::rename(path, &*target).map_err(|error| DataError::store("write the table", target, &error))?;
        *moved = true;
        Ok(())
    }
}

impl Temporary {
    fn beside(target: &Path) -> Result<Self, DataError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let failed = |error: &dyn std::error::Error| DataError::store("write the table", target, error);
        let folder = target.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!(".{name}.{}-{number}.tmp", std::process::id()));
        Ok(Temporary { path, target: target.to_owned(), moved: false })
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.moved {
            // There may be nothing to remove, and there is nobody to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path, schema: &SchemaRef) -> Result<ArrowWriter<BufWriter<File>>, DataError> {
    let file = File::create(path).map_err(|error| DataError::store("write the table", path, &error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP))
        .build();
    Ok(ArrowWriter::try_new(BufWriter::new(file), std::sync::Arc::clone(schema), Some(properties))?)
}

fn joined(result: Result<Result<u64, DataError>, tokio::task::JoinError>) -> Result<u64, DataError> {
    result.map_err(|error| DataError::internal(format!("the writer of a table has stopped: {error}")))?
}
