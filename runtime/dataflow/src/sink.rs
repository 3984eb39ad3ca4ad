//! Writing a stored table: one Parquet file, whose row groups are encoded on several threads, written beside its place
//! and then renamed into it.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::BufWriter;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::error::DataError;
use crate::source::Progress;

/// Row groups that may wait for the writer; as many are encoded at a time.
const WAITING: usize = 2;
/// Rows per row group: what one reader decodes at a time, and the grain at which several readers share a file.
const ROW_GROUP: usize = 1 << 17;
/// Rows that are encoded at once.
const ENCODED: usize = 8192;

/// A row group that is being encoded.
type Encoding = JoinHandle<Result<Vec<ArrowColumnChunk>, ParquetError>>;

/// A table that is being written. Dropping it without [`Sink::finish`] leaves nothing behind.
pub(crate) struct Sink {
    schema: SchemaRef,
    encoder: Arc<ArrowRowGroupWriterFactory>,
    /// Rows of the row group that is being filled.
    pending: Vec<RecordBatch>,
    pending_rows: usize,
    row_groups: usize,
    rows: u64,
    encodings: mpsc::Sender<Encoding>,
    writer: JoinHandle<Result<(), DataError>>,
    temporary: Temporary,
}

/// Tables that are written one after the other, of which each takes so many rows.
pub(crate) struct Sinks {
    waiting: std::vec::IntoIter<(PathBuf, u64)>,
    schema: SchemaRef,
    /// The table that is being written, and how many rows it still takes.
    current: Option<(Sink, u64)>,
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
        Sink::with(target, schema, packed(schema)?)
    }

    /// As [`Sink::create`], for a table that is read more often than it is kept: it is larger, and takes less time.
    ///
    /// # Errors
    /// As [`Sink::create`].
    pub(crate) fn quick(target: &Path, schema: &SchemaRef) -> Result<Self, DataError> {
        Sink::with(target, schema, plain())
    }

    fn with(target: &Path, schema: &SchemaRef, properties: WriterProperties) -> Result<Self, DataError> {
        let temporary = Temporary::beside(target)?;
        let (file, table, encoder) = open(&temporary.path, schema, properties)?;
        let (encodings, waiting) = mpsc::channel(WAITING);
        let (path, runtime) = (target.to_owned(), Handle::current());
        let writer = tokio::task::spawn_blocking(move || {
            let written = write_all(&file, table, waiting, &runtime);
            written.map_err(|error| DataError::store("write the table", &path, &*error))
        });
        Ok(Sink {
            schema: Arc::clone(schema),
            encoder: Arc::new(encoder),
            pending: Vec::new(),
            pending_rows: 0,
            row_groups: 0,
            rows: 0,
            encodings,
            writer,
            temporary,
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// E0911 if the disk is full or the file cannot be written.
    pub(crate) async fn write(&mut self, mut batch: RecordBatch) -> Result<(), DataError> {
        self.rows += batch.num_rows() as u64;
        while self.pending_rows + batch.num_rows() >= ROW_GROUP {
            let fits = ROW_GROUP - self.pending_rows;
            self.pending.push(batch.slice(0, fits));
            batch = batch.slice(fits, batch.num_rows() - fits);
            self.encode().await?;
        }
        if batch.num_rows() > 0 {
            self.pending_rows += batch.num_rows();
            self.pending.push(batch);
        }
        Ok(())
    }

    /// Hands the pending rows over as one row group.
    async fn encode(&mut self) -> Result<(), DataError> {
        let rows = mem::take(&mut self.pending);
        self.pending_rows = 0;
        let (schema, encoder, index) = (Arc::clone(&self.schema), Arc::clone(&self.encoder), self.row_groups);
        self.row_groups += 1;
        let encoding = tokio::task::spawn_blocking(move || encoded(&schema, &encoder, index, &rows));
        if self.encodings.send(encoding).await.is_ok() {
            return Ok(());
        }
        // The writer listens until it fails.
        joined((&mut self.writer).await).and(Err(DataError::internal("the writer of a table has stopped")))
    }

    /// Waits until every row is written.
    ///
    /// # Errors
    /// As [`Sink::write`].
    pub(crate) async fn finish(mut self) -> Result<Finished, DataError> {
        if self.pending_rows > 0 {
            self.encode().await?;
        }
        let Sink { encodings, writer, temporary, rows, .. } = self;
        drop(encodings);
        joined(writer.await)?;
        Ok(Finished { temporary, rows })
    }
}

/// Writes rows as one table with these columns; how many there are.
///
/// # Errors
/// Those of the rows, and E0911 if the table cannot be written.
pub(crate) async fn store(
    mut rows: SendableRecordBatchStream,
    schema: &SchemaRef,
    output: &Path,
    progress: Progress<'_>,
) -> Result<u64, DataError> {
    let mut sink = Sink::create(output, schema)?;
    let mut done = 0;
    while let Some(batch) = rows.next().await {
        let batch = RecordBatch::try_new(Arc::clone(schema), batch?.columns().to_vec())?;
        done += batch.num_rows() as u64;
        sink.write(batch).await?;
        progress(done);
    }
    sink.finish().await?.publish()?;
    Ok(done)
}

impl Sinks {
    /// Tables with these paths and numbers of rows.
    pub(crate) fn new(tables: Vec<(PathBuf, u64)>, schema: &SchemaRef) -> Self {
        Sinks { waiting: tables.into_iter(), schema: Arc::clone(schema), current: None }
    }

    /// Adds rows; a table that is full is put into its place.
    ///
    /// # Errors
    /// As [`Sink::write`]; E0999 if there are more rows than tables take.
    pub(crate) async fn write(&mut self, mut batch: RecordBatch) -> Result<(), DataError> {
        while batch.num_rows() > 0 {
            let (sink, left) = match &mut self.current {
                Some(current) => current,
                None => self.next()?,
            };
            let rows = batch.num_rows().min(usize::try_from(*left).unwrap_or(usize::MAX));
            sink.write(batch.slice(0, rows)).await?;
            *left -= rows as u64;
            batch = batch.slice(rows, batch.num_rows() - rows);
            if *left == 0 {
                self.close().await?;
            }
        }
        Ok(())
    }

    /// Puts the last tables into their places.
    ///
    /// # Errors
    /// As [`Sink::write`]; E0999 if a table did not get all of its rows.
    pub(crate) async fn finish(mut self) -> Result<(), DataError> {
        while self.current.is_some() || self.waiting.len() > 0 {
            let (_, left) = match &mut self.current {
                Some(current) => current,
                None => self.next()?,
            };
            if *left > 0 {
                return Err(DataError::internal(format!("{left} rows are missing")));
            }
            self.close().await?;
        }
        Ok(())
    }

    fn next(&mut self) -> Result<&mut (Sink, u64), DataError> {
        let (path, rows) = self.waiting.next().ok_or_else(|| DataError::internal("there are too many rows"))?;
        Ok(self.current.insert((Sink::create(&path, &self.schema)?, rows)))
    }

    async fn close(&mut self) -> Result<(), DataError> {
        match self.current.take() {
            Some((sink, _)) => sink.finish().await?.publish(),
            None => Ok(()),
        }
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

type Table = SerializedFileWriter<BufWriter<File>>;

/// The file, the table that is written into it, and what encodes its row groups.
fn open(
    path: &Path,
    schema: &SchemaRef,
    properties: WriterProperties,
) -> Result<(File, Table, ArrowRowGroupWriterFactory), DataError> {
    let failed = |error: std::io::Error| DataError::store("write the table", path, &error);
    let file = File::create(path).map_err(failed)?;
    let into = BufWriter::new(file.try_clone().map_err(failed)?);
    let (table, encoder) =
        ArrowWriter::try_new(into, Arc::clone(schema), Some(properties))?.into_serialized_writer()?;
    Ok((file, table, encoder))
}

/// For tables that are kept. Floats and instants hardly repeat: looking for repetitions costs more than it saves.
fn packed(schema: &SchemaRef) -> Result<WriterProperties, DataError> {
    let mut properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?));
    for field in schema.fields() {
        if field.data_type().is_floating() || matches!(field.data_type(), DataType::Timestamp(..)) {
            let path = ColumnPath::new(vec![field.name().clone()]);
            properties = properties.set_column_dictionary_enabled(path, false);
        }
    }
    Ok(properties.build())
}

/// For tables that are read again and again: their values as they lie in memory.
fn plain() -> WriterProperties {
    WriterProperties::builder().set_compression(Compression::UNCOMPRESSED).set_dictionary_enabled(false).build()
}

fn encoded(
    schema: &SchemaRef,
    encoder: &ArrowRowGroupWriterFactory,
    row_group: usize,
    rows: &[RecordBatch],
) -> Result<Vec<ArrowColumnChunk>, ParquetError> {
    let mut columns = encoder.create_column_writers(row_group)?;
    for batch in &even(schema, rows)? {
        let mut writers = columns.iter_mut();
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            for (leaf, writer) in compute_leaves(field, array)?.into_iter().zip(&mut writers) {
                writer.write(&leaf)?;
            }
        }
    }
    columns.into_iter().map(|column| column.close()).collect()
}

/// The same rows in batches of one size. Pages end where batches do: the bytes of a file must not depend on how its rows came,
/// since files are compared by their content.
fn even(schema: &SchemaRef, rows: &[RecordBatch]) -> Result<Vec<RecordBatch>, ParquetError> {
    if rows.split_last().is_none_or(|(last, others)| {
        last.num_rows() <= ENCODED && others.iter().all(|batch| batch.num_rows() == ENCODED)
    }) {
        return Ok(rows.to_vec());
    }
    let mut batches = BatchCoalescer::new(Arc::clone(schema), ENCODED);
    rows.iter().try_for_each(|batch| batches.push_batch(batch.clone()))?;
    batches.finish_buffered_batch()?;
    Ok(std::iter::from_fn(|| batches.next_completed_batch()).collect())
}

/// Writes row groups in their order as they become ready.
fn write_all(
    file: &File,
    mut table: Table,
    mut encodings: mpsc::Receiver<Encoding>,
    runtime: &Handle,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let mut is_first = true;
    while let Some(encoding) = encodings.blocking_recv() {
        if !mem::take(&mut is_first) {
            // The disk works while the next row groups are encoded, and little is left to wait for at the end.
            file.sync_data()?;
        }
        let mut row_group = table.next_row_group()?;
        for column in runtime.block_on(encoding)?? {
            column.append_to_row_group(&mut row_group)?;
        }
        row_group.close()?;
    }
    table.into_inner()?.into_inner()?;
    // A table that is in its place is complete, also after the machine has lost power.
    Ok(file.sync_all()?)
}

fn joined(result: Result<Result<(), DataError>, tokio::task::JoinError>) -> Result<(), DataError> {
    result.map_err(|error| DataError::internal(format!("the writer of a table has stopped: {error}")))?
}
