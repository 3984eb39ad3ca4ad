//! The history of a source: rows that runs have read, from which state begins before a stream goes on.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use arrow::array::{AsArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use mlsys_online::Space;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::LiveError;
use crate::ledger::source_key;
use crate::live::{Live, Seeded};

/// Rows of a source as a run has left them: derived, checked, without duplicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Parquet files, in order.
    pub files: Vec<PathBuf>,
    /// A fingerprint of their content.
    pub fingerprint: String,
}

/// Rows that are taken at once.
const BATCH: usize = 8_192;

/// A commit comes after so many of them. A store that others wait for as well gets each by itself.
const COMMIT: usize = 16;

impl Live {
    /// Takes a source's history, unless it was taken before; how many rows it has. Rows that came from the stream meanwhile
    /// and rows of the history are told apart by the source's key; where it has none, history ends where the lateness before
    /// its latest row begins, and the stream takes over there. A changed history of rows with a key mends what streams
    /// have left: of two versions of a row the one that became known later counts, and of equal ones the history's.
    ///
    /// # Errors
    /// A file cannot be read, or the store does not answer.
    pub async fn seed(
        &self,
        source: &str,
        history: &History,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, LiveError> {
        let fed = self.fed(source)?;
        if self.store().is_shared() {
            self.refresh().await?;
        }
        let before = fed.seeded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(before) = before.filter(|seeded| seeded.history.as_ref() != Some(&history.fingerprint)) else {
            return Ok(0);
        };
        let reached = latest(source, history, fed.source.time.as_deref())?;
        let handed_over = reached.filter(|_| fed.source.key.is_empty());
        let handed_over =
            handed_over.map(|reached| reached.saturating_add(1).saturating_sub(fed.source.lateness.unwrap_or(0)));
        let mut intake = self.intake(source).await?;
        handed_over.into_iter().for_each(|at| intake.hand_over(at));
        let (mut rows, mut batches) = (0, 0);
        let at_once = if self.store().is_shared() { 1 } else { COMMIT };
        for path in &history.files {
            for batch in read(source, path, intake.schema(), None)? {
                let batch = conformed(source, &batch?, intake.schema())?;
                rows += batch.num_rows() as u64;
                intake.seed(self, batch).await?;
                batches += 1;
                if batches % at_once == 0 {
                    self.commit().await?;
                }
                progress(rows);
            }
        }
        reached.into_iter().for_each(|time| intake.watermark().reach(time));
        fed.status.set_watermark(intake.watermark().now());
        let seeded = Seeded { history: Some(history.fingerprint.clone()), handed_over, reached, ..before };
        let value = serde_json::to_vec(&seeded).unwrap_or_default();
        self.ledger().lock().await.set(Space::Histories, source_key(source), Some(value));
        self.commit().await?;
        *fed.seeded.lock().unwrap_or_else(PoisonError::into_inner) = Some(seeded);
        Ok(rows)
    }
}

/// The latest time in a history; none without rows, or if the source has no time.
fn latest(source: &str, history: &History, time: Option<&str>) -> Result<Option<i64>, LiveError> {
    let Some(time) = time else { return Ok(None) };
    let mut latest = None;
    for path in &history.files {
        for batch in read(source, path, &Arc::new(arrow::datatypes::Schema::empty()), Some(time))? {
            let batch = batch?;
            let column = compute::cast(batch.column(0), &instant())?;
            let most = compute::max(column.as_primitive::<TimestampMicrosecondType>());
            latest = latest.max(most);
        }
    }
    Ok(latest)
}

fn instant() -> arrow::datatypes::DataType {
    arrow::datatypes::DataType::Timestamp(arrow::datatypes::TimeUnit::Microsecond, Some("UTC".into()))
}

/// The rows of a file, with the columns of a schema or a single one.
fn read(
    source: &str,
    path: &Path,
    schema: &SchemaRef,
    only: Option<&str>,
) -> Result<impl Iterator<Item = Result<RecordBatch, LiveError>> + use<>, LiveError> {
    let name = source.to_owned();
    let place = path.to_owned();
    let failed = move |error: &dyn std::error::Error| LiveError::History {
        source_name: name.clone(),
        reason: format!("{}: {error}", place.display()),
    };
    let file = File::open(path).map_err(|error| failed(&error))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(&error))?;
    let wanted = |name: &str| only.map_or_else(|| schema.index_of(name).is_ok(), |only| only == name);
    let roots = builder.schema().fields().iter().enumerate().filter(|(_, field)| wanted(field.name()));
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots.map(|(index, _)| index));
    let reader = builder.with_projection(mask).with_batch_size(BATCH).build().map_err(|error| failed(&error))?;
    Ok(reader.map(move |batch| batch.map_err(|error| failed(&error))))
}

/// The columns of a schema in its order and types.
fn conformed(source: &str, rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, LiveError> {
    let missing = |name: &str| LiveError::History {
        source_name: source.to_owned(),
        reason: format!("it has no column `{name}`: run `mlsysc run` again"),
    };
    let columns = schema.fields().iter().map(|field| {
        let column = rows.column_by_name(field.name()).ok_or_else(|| missing(field.name()))?;
        Ok(compute::cast(column, field.data_type())?)
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), columns.collect::<Result<_, LiveError>>()?)?)
}
