//! Source nodes: read, derive, check, deduplicate, write.

mod divided;
mod fresh;
mod in_place;
mod inline;
mod judge;
mod keys;
mod plan;
mod ranges;
mod repeats;
mod report;
mod seen;
mod versions;
mod whole;
mod windows;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::compute;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use mlsys_plan::Source;

pub use self::divided::is_there;
pub(crate) use self::inline::InlineRows;
pub(crate) use self::plan::{checks, derive, logical_plan};
pub use self::report::{CheckReport, ReadSource, SourceReport, TableCheckReport};
pub(crate) use self::versions::versions;
pub(crate) use self::whole::{MEASURES, supports as supports_check};

use self::in_place::InPlace;
use self::judge::{Judge, Judged, Reason};
use self::keys::Keys;
use self::repeats::Repeats;
use crate::error::DataError;
use crate::profile::{Making, Profile};
use crate::session::{Dataflow, Execution};
use crate::sink::{Finished, Sink};
use crate::sources::{InputFile, ScanStream, connector, input_files, scan_schema};
use crate::table::{REPLACED, StoredTable};
use crate::types::source_schema;

/// Called with the number of rows that are done so far.
pub type Progress<'a> = &'a (dyn Fn(u64) + Send + Sync);

/// The column of a quarantine table that says why a row is there: the expectation it does not meet.
const REASON: &str = "__reason";
/// The column of a quarantine table that names a row's file.
const FILE_NAME: &str = "__file";
/// The column of a quarantine table that numbers a row in its file, from 1 and without the header.
const ROW_NUMBER: &str = "__row";

impl Dataflow {
    /// Reads a source, derives and checks its rows, and writes those that stay to `output`: one Parquet file with
    /// every column of the source, in the order in which rows were read; or, where the files themselves are that already,
    /// a list of them beside its place. Of rows with equal keys the last one stays, at its own place; of rows with a time
    /// those with equal keys and times, and earlier ones stay for those who look at an earlier moment. A key with a
    /// missing part equals no other. Rows that an expectation sets aside go to
    /// `quarantine`: all columns, `__reason`, `__file` and `__row` (from 1, without the header). Both files appear
    /// complete or not at all; a quarantine of an earlier run is removed if no row was set aside.
    ///
    /// An expectation judges only rows that those before it have kept; a null predicate counts as satisfied. Of rows that
    /// `unique` forbids to repeat each other the first one stays, after all of these have judged.
    ///
    /// # Errors
    /// E0901 to E0907 for the data, E0910 for an unknown connector, E0911 if a file cannot be written, E0912.
    pub async fn source(
        &self,
        source: &Source,
        project: &Path,
        output: &Path,
        quarantine: &Path,
        progress: Progress<'_>,
    ) -> Result<ReadSource, DataError> {
        let files: Arc<[InputFile]> = input_files(&source.connector, project)?.into();
        self.read(source, &files, output, quarantine, progress).await
    }

    /// Reads these files of a source.
    async fn read(
        &self,
        source: &Source,
        files: &Arc<[InputFile]>,
        output: &Path,
        quarantine: &Path,
        progress: Progress<'_>,
    ) -> Result<ReadSource, DataError> {
        if let Some(found) = self.in_place(source, files, output, quarantine, progress).await? {
            return Ok(found);
        }
        let Execution { plan, rows } = self.open(source, files).await?;
        let mut run = Run::new(self, source, Arc::clone(files), output, quarantine)?;
        run.read(rows, progress).await?;
        let (report, profile) = run.finish(self).await?;
        let report = SourceReport { explain: self.explained(plan.as_ref()), ..report };
        Ok(ReadSource { report, profile: Some(profile) })
    }

    /// Reads a source only to check it, and lists its files where every row may stay as it is.
    async fn in_place(
        &self,
        source: &Source,
        files: &Arc<[InputFile]>,
        output: &Path,
        quarantine: &Path,
        progress: Progress<'_>,
    ) -> Result<Option<ReadSource>, DataError> {
        let Some(found) = InPlace::of(source, files) else { return Ok(None) };
        let (mut judge, mut explain, mut profile) = (Judge::new(source, Arc::clone(files)), None, None);
        let mut repeated = Vec::new();
        if !found.is_proven {
            let schema = source_schema(source);
            let mut keys = Keys::new(source, &schema, self.runtime())?;
            let mut repeats = Repeats::new(source, &schema, self.runtime())?;
            let Execution { mut rows, plan } = self.open(source, files).await?;
            let (mut done, seen) = (0, Making::begin(source));
            while let Some(batch) = rows.next().await {
                let batch = batch?;
                let mut judged = judge.judge(&batch)?;
                repeats.judge(&batch, &mut judged)?;
                if judged.mask().is_some() {
                    return Ok(None);
                }
                let stored = stored_columns(&schema, &batch, &judged)?;
                keys.add(&stored)?;
                seen.add(&stored).await;
                done += batch.num_rows() as u64;
                progress(done);
            }
            if keys.superseded() > 0 {
                return Ok(None);
            }
            (explain, profile) = (self.explained(plan.as_ref()), Some(seen.finish().await?));
            repeated = repeats.reports();
        }
        let rows = found.rows();
        progress(rows);
        found.manifest.write(output, None)?;
        let table_checks = whole::judge(self, source, output).await?;
        remove_old(quarantine)?;
        let report = SourceReport {
            files: files.iter().map(|file| file.name.clone()).collect(),
            rows_read: rows,
            rows_written: rows,
            in_place: true,
            duplicates: 0,
            replaced: 0,
            quarantined: 0,
            checks: [judge.reports(), repeated].concat(),
            table_checks,
            parts: None,
            explain,
        };
        Ok(Some(ReadSource { report, profile }))
    }

    /// The rows of a source with their verdicts, in order.
    async fn open(&self, source: &Source, files: &Arc<[InputFile]>) -> Result<Execution, DataError> {
        let connector = connector(&source.connector)?;
        connector.check(&source.connector, &source.schema)?;
        let scan = ScanStream::new(connector, Arc::new(source.clone()), Arc::clone(files));
        let table = StreamingTable::try_new(scan_schema(source), vec![Arc::new(scan)])?;
        let plan = logical_plan(source, provider_as_source(Arc::new(table)))?;
        self.execute(&self.ordered_session(), plan, source.time.as_deref()).await
    }
}

/// A source that is being written.
struct Run<'a> {
    source: &'a Source,
    judge: Judge<'a>,
    repeats: Repeats<'a>,
    keys: Keys,
    columns: usize,
    files: Arc<[InputFile]>,
    schema: SchemaRef,
    output: &'a Path,
    table: Sink,
    quarantine: &'a Path,
    quarantined: Option<Sink>,
    /// The profile of the rows that stay, as far as is known.
    profile: Making,
    rows: u64,
}

impl<'a> Run<'a> {
    fn new(
        dataflow: &Dataflow,
        source: &'a Source,
        files: Arc<[InputFile]>,
        output: &'a Path,
        quarantine: &'a Path,
    ) -> Result<Self, DataError> {
        let schema = source_schema(source);
        Ok(Run {
            source,
            judge: Judge::new(source, Arc::clone(&files)),
            repeats: Repeats::new(source, &schema, dataflow.runtime())?,
            keys: Keys::new(source, &schema, dataflow.runtime())?,
            columns: schema.fields().len(),
            files,
            table: Sink::create(output, &schema)?,
            schema,
            output,
            quarantine,
            quarantined: None,
            profile: Making::begin(source),
            rows: 0,
        })
    }

    async fn read(&mut self, mut rows: SendableRecordBatchStream, progress: Progress<'_>) -> Result<(), DataError> {
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            let mut judged = self.judge.judge(&batch)?;
            self.repeats.judge(&batch, &mut judged)?;
            // A run that has failed only counts how many rows are to blame.
            if !self.judge.failed() {
                self.keep(&batch, &judged).await?;
                self.set_aside(&batch, &judged).await?;
            }
            self.rows += batch.num_rows() as u64;
            progress(self.rows);
        }
        Ok(())
    }

    async fn keep(&mut self, batch: &RecordBatch, judged: &Judged) -> Result<(), DataError> {
        let kept = stored_columns(&self.schema, batch, judged)?;
        self.keys.add(&kept)?;
        self.profile.add(&kept).await;
        self.table.write(kept).await
    }

    async fn set_aside(&mut self, batch: &RecordBatch, judged: &Judged) -> Result<(), DataError> {
        if judged.quarantined.is_empty() {
            return Ok(());
        }
        let aside = self.quarantine_batch(batch, judged)?;
        if self.quarantined.is_none() {
            self.quarantined = Some(Sink::create(self.quarantine, &aside.schema())?);
        }
        match &mut self.quarantined {
            Some(sink) => sink.write(aside).await,
            None => Ok(()),
        }
    }

    fn quarantine_batch(&self, batch: &RecordBatch, judged: &Judged) -> Result<RecordBatch, DataError> {
        let rows = judged.quarantined.iter().map(|(row, _)| *row as u64);
        let rows = arrow::array::UInt64Array::from_iter_values(rows);
        let taken = compute::take_record_batch(batch, &rows)?;
        let reason = |(_, reason): &(usize, Reason)| match reason {
            Reason::Expectation(index) => self.judge.reason(*index),
            Reason::Repeated(number) => self.repeats.reason(*number),
        };
        let reasons = judged.quarantined.iter().map(reason);
        let reasons = StringArray::from_iter_values(reasons);
        let places = self.judge.places(&taken)?;
        let names = StringArray::from_iter_values(places.iter().map(|place| self.files[place.file].name.as_str()));
        let numbers = Int64Array::from_iter_values(places.iter().map(|place| place.row as i64));
        let mut columns = taken.columns()[..self.columns].to_vec();
        columns.extend([Arc::new(reasons) as _, Arc::new(names) as _, Arc::new(numbers) as _]);
        Ok(RecordBatch::try_new(self.quarantine_schema(), columns)?)
    }

    fn quarantine_schema(&self) -> SchemaRef {
        let place = [
            Field::new(REASON, DataType::Utf8, false),
            Field::new(FILE_NAME, DataType::Utf8, false),
            Field::new(ROW_NUMBER, DataType::Int64, false),
        ];
        let own = self.schema.fields().iter().map(|field| field.as_ref().clone());
        Arc::new(Schema::new(own.chain(place).collect::<Vec<_>>()))
    }

    async fn finish(mut self, dataflow: &Dataflow) -> Result<(SourceReport, Profile), DataError> {
        self.judge.verdict()?;
        let written = self.table.finish().await?;
        let (superseded, stayed) = (self.keys.superseded(), written.rows);
        let written = if superseded == 0 {
            written
        } else {
            // Rows that were replaced are in the profile as well: it begins again.
            self.profile = Making::begin(self.source);
            match self.source.time {
                Some(_) => with_versions(dataflow, written, self.output, self.source, &self.profile).await?,
                None => without_superseded(written, self.output, &self.schema, self.keys, &self.profile).await?,
            }
        };
        // Of rows with a time, those that were replaced at another one are still there.
        let duplicates = stayed - written.rows;
        let table_checks = whole::judge(dataflow, self.source, written.path()).await?;
        let quarantined = match self.quarantined {
            Some(sink) => publish_quarantine(sink.finish().await?)?,
            None => remove_old(self.quarantine)?,
        };
        let report = SourceReport {
            files: self.files.iter().map(|file| file.name.clone()).collect(),
            rows_read: self.rows,
            rows_written: written.rows,
            in_place: false,
            duplicates,
            replaced: superseded - duplicates,
            quarantined,
            checks: [self.judge.reports(), self.repeats.reports()].concat(),
            table_checks,
            parts: None,
            explain: None,
        };
        let profile = self.profile.finish().await?;
        written.publish()?;
        Ok((report, profile))
    }
}

/// The source's own columns of the rows that stay.
fn stored_columns(schema: &SchemaRef, batch: &RecordBatch, judged: &Judged) -> Result<RecordBatch, DataError> {
    let columns: Vec<usize> = (0..schema.fields().len()).collect();
    let mut kept = batch.project(&columns)?;
    if let Some(stays) = judged.mask() {
        kept = compute::filter_record_batch(&kept, &stays)?;
    }
    Ok(RecordBatch::try_new(Arc::clone(schema), kept.columns().to_vec())?)
}

/// The table without rows that a later row with the same key replaces.
async fn without_superseded(
    written: Finished,
    output: &Path,
    schema: &SchemaRef,
    keys: Keys,
    profile: &Making,
) -> Result<Finished, DataError> {
    let mut table = Sink::create(output, schema)?;
    let mut rows = keys::current_rows(written.path(), keys)?;
    while let Some(batch) = rows.recv().await {
        let batch = batch?;
        profile.add(&batch).await;
        table.write(batch).await?;
    }
    table.finish().await
}

/// The table with the instants at which rows were replaced, without those that have the key and time of a later one.
async fn with_versions(
    dataflow: &Dataflow,
    written: Finished,
    output: &Path,
    source: &Source,
    profile: &Making,
) -> Result<Finished, DataError> {
    let rows = provider_as_source(Arc::new(StoredTable::open(written.path())?));
    let plan = versions(LogicalPlanBuilder::scan(source.name.as_str(), rows, None)?, source)?;
    let own = source.columns().len();
    let schema = stored_with_versions(source);
    let mut rows = dataflow.execute(&dataflow.ordered_session(), plan, None).await?.rows;
    let mut table = Sink::create(output, &schema)?;
    while let Some(batch) = rows.next().await {
        let batch = RecordBatch::try_new(Arc::clone(&schema), batch?.columns().to_vec())?;
        let current = compute::filter_record_batch(&batch, &compute::is_null(batch.column(own))?)?;
        profile.add(&current.project(&(0..own).collect::<Vec<_>>())?).await;
        table.write(batch).await?;
    }
    table.finish().await
}

/// The columns of a source's table in which rows have versions.
fn stored_with_versions(source: &Source) -> SchemaRef {
    let own = source_schema(source);
    let replaced = Arc::new(Field::new(REPLACED, crate::types::timestamp(), true));
    Arc::new(Schema::new(own.fields().iter().cloned().chain([replaced]).collect::<Vec<_>>()))
}

fn publish_quarantine(finished: Finished) -> Result<u64, DataError> {
    let rows = finished.rows;
    finished.publish()?;
    Ok(rows)
}

fn remove_old(quarantine: &Path) -> Result<u64, DataError> {
    match fs::remove_file(quarantine) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(DataError::store("remove the old quarantine", quarantine, &error)),
    }
}
