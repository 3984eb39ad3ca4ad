//! Stored tables: Parquet files that a run wrote, or the user's own that need no change, scanned by DataFusion, with the
//! number of each row on request.

mod manifest;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, Operator, TableType};
use datafusion::object_store::ObjectMeta;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, is_null};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};
use parquet::arrow::RowNumber;
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::file::statistics::Statistics as ChunkStatistics;

use crate::error::DataError;

pub(crate) use self::manifest::{Columns, Counted, Manifest, Member, count, read_footers};

/// The column that numbers the rows of a stored table, from 0.
pub(crate) const POSITION: &str = "__position";
/// The column with the instant at which a row was replaced by a later one of the same key; none where it was not. Only
/// tables with such rows have it, and readers do not see it.
pub(crate) const REPLACED: &str = "__replaced_at";
/// The column that numbers the first row of a file in its table.
const FIRST: &str = "__first";
/// The column that numbers the rows of a file, from 0.
const ROW: &str = "__row_of_file";

/// The schema of a stored table together with [`POSITION`].
pub(crate) fn with_position(schema: &SchemaRef) -> SchemaRef {
    let position = Arc::new(Field::new(POSITION, DataType::Int64, false));
    let fields = schema.fields().iter().cloned().chain([position]).collect::<Vec<_>>();
    Arc::new(arrow::datatypes::Schema::new(fields))
}

/// A stored table.
#[derive(Debug)]
pub(crate) struct StoredTable {
    files: Vec<StoredFile>,
    rows: u64,
    /// The columns that readers see.
    schema: SchemaRef,
    /// The columns that a scan has: those of the files, [`FIRST`] and [`ROW`].
    scanned: TableSchema,
    /// Where [`REPLACED`] is among the columns of the files, if rows that were replaced are to be left out.
    replaced: Option<usize>,
}

/// One file of a table.
#[derive(Debug)]
struct StoredFile {
    path: PathBuf,
    size: u64,
    /// Together with the size it tells DataFusion's cache of file footers that a file was replaced.
    modified: SystemTime,
    /// The number of its first row in the table.
    first: u64,
}

impl StoredTable {
    /// Opens a table and reads its schema. Where there is no file at `path`, the manifest beside it tells of which files
    /// the table is made.
    ///
    /// # Errors
    /// E0911 if a file cannot be read, or has changed since the manifest was written.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        StoredTable::of(Manifest::of(path)?.files)
    }

    /// These tables one after the other, as one.
    ///
    /// # Errors
    /// As [`StoredTable::open`].
    pub(crate) fn of_all(tables: &[PathBuf]) -> Result<Self, DataError> {
        let members =
            tables.iter().map(|table| Ok(Manifest::of(table)?.files)).collect::<Result<Vec<_>, DataError>>()?;
        StoredTable::of(members.concat())
    }

    /// The table that these files make up.
    ///
    /// # Errors
    /// As [`StoredTable::open`].
    pub(crate) fn of(members: Vec<Member>) -> Result<Self, DataError> {
        let schema = schema_of(&members)?;
        let mut files = Vec::with_capacity(members.len());
        let mut rows = 0;
        for member in members {
            let modified = member.check()?;
            files.push(StoredFile { path: member.path, size: member.size, modified, first: rows });
            rows += member.rows;
        }
        let replaced = schema.index_of(REPLACED).ok();
        let seen = schema.fields().iter().filter(|field| field.name() != REPLACED).cloned().collect::<Vec<_>>();
        let seen = with_position(&Arc::new(arrow::datatypes::Schema::new(seen)));
        Ok(StoredTable { files, rows, schema: seen, scanned: scanned(&schema), replaced })
    }

    /// The same table with all versions of its rows, also those that were replaced later.
    pub(crate) fn with_versions(mut self) -> Self {
        self.replaced = None;
        self
    }

    /// Whether some of its rows were replaced by later ones, which [`StoredTable::rows`] counts all the same.
    pub(crate) fn has_versions(&self) -> bool {
        self.replaced.is_some()
    }

    /// How many rows its files have.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// The first and the last instant of a column, as the files' footers tell; none if one of them does not.
    ///
    /// # Errors
    /// E0911 if a file cannot be read.
    pub(crate) fn span(&self, column: &str) -> Result<Option<(i64, i64)>, DataError> {
        let mut whole = Span::Empty;
        for file in &self.files {
            whole = whole.and(span_of(&file.path, column)?);
        }
        Ok(whole.bounds())
    }

    /// The columns of its files.
    pub(crate) fn stored_schema(&self) -> SchemaRef {
        Arc::clone(self.scanned.file_schema())
    }

    /// Where [`POSITION`] is among the columns that readers see.
    fn position(&self) -> usize {
        self.schema.fields().len() - 1
    }

    /// Where a column that readers see is among those of a scan.
    fn place(&self, index: usize) -> Result<usize> {
        Ok(self.scanned.table_schema().index_of(self.schema.field(index).name())?)
    }

    /// The scan of columns of the files.
    fn files(&self, columns: Vec<usize>, limit: Option<usize>, streams: usize) -> Result<Arc<dyn ExecutionPlan>> {
        let source = Arc::new(ParquetSource::new(self.scanned.clone()));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_projection_indices(Some(columns))?
            .with_file_groups(self.groups(streams)?)
            .with_statistics(self.statistics())
            .with_limit(limit);
        Ok(DataSourceExec::from_data_source(config.build()))
    }

    /// How many rows there are: the planner then sees which side of a join is the small one.
    fn statistics(&self) -> Statistics {
        let rows = usize::try_from(self.rows).map_or(Precision::Absent, Precision::Exact);
        Statistics { num_rows: rows, ..Statistics::new_unknown(self.scanned.table_schema()) }
    }

    /// The files in their order, in as many groups of about the same size as there may be streams: one stream keeps the
    /// order of rows, and more than there are threads would only hold memory.
    fn groups(&self, streams: usize) -> Result<Vec<FileGroup>> {
        let share = self.files.iter().map(|file| file.size).sum::<u64>().div_ceil(streams.max(1) as u64);
        let (mut groups, mut bytes) = (Vec::new(), 0);
        let mut group = FileGroup::default();
        for file in &self.files {
            group.push(file.partitioned()?);
            bytes += file.size;
            if bytes >= share {
                groups.push(std::mem::take(&mut group));
                bytes = 0;
            }
        }
        groups.extend(Some(group).filter(|group| !group.is_empty()));
        Ok(groups)
    }
}

/// The columns of the files of a table: those of the first one, or of one that has [`REPLACED`], which is missing where no
/// row was replaced and then has no values.
fn schema_of(members: &[Member]) -> Result<SchemaRef, DataError> {
    let mut found: Option<SchemaRef> = None;
    for member in members {
        let (_, footer) = footer_of(&member.path)?;
        if footer.schema().index_of(REPLACED).is_ok() {
            return Ok(Arc::clone(footer.schema()));
        }
        found.get_or_insert_with(|| Arc::clone(footer.schema()));
    }
    found.ok_or_else(|| DataError::internal("a stored table has at least one file"))
}

impl StoredFile {
    fn partitioned(&self) -> Result<PartitionedFile> {
        let first = i64::try_from(self.first).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(PartitionedFile::new_from_meta(ObjectMeta {
            location: datafusion::object_store::path::Path::from_absolute_path(&self.path)?,
            last_modified: self.modified.into(),
            size: self.size,
            e_tag: None,
            version: None,
        })
        .with_partition_values(vec![ScalarValue::Int64(Some(first))]))
    }
}

/// The instants of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// There are none.
    Empty,
    /// The first and the last of them.
    Bounds(i64, i64),
    /// Nobody knows.
    Unknown,
}

impl Span {
    /// The instants of both.
    pub(crate) fn and(self, other: Span) -> Span {
        match (self, other) {
            (Span::Unknown, _) | (_, Span::Unknown) => Span::Unknown,
            (Span::Empty, span) | (span, Span::Empty) => span,
            (Span::Bounds(a, b), Span::Bounds(c, d)) => Span::Bounds(a.min(c), b.max(d)),
        }
    }

    /// The first and the last instant, if they are known.
    pub(crate) fn bounds(self) -> Option<(i64, i64)> {
        match self {
            Span::Bounds(first, last) => Some((first, last)),
            Span::Empty | Span::Unknown => None,
        }
    }

    /// Whether some of the instants may lie between two others, the first included.
    pub(crate) fn may_meet(self, from: Option<i64>, until: i64) -> bool {
        match self {
            Span::Empty => false,
            Span::Unknown => true,
            Span::Bounds(first, last) => first < until && from.is_none_or(|from| last >= from),
        }
    }
}

/// The instants of a column of a file, as its footer tells.
///
/// # Errors
/// E0911 if the file cannot be read.
pub(crate) fn span_of(path: &Path, column: &str) -> Result<Span, DataError> {
    let (_, footer) = footer_of(path)?;
    let mut whole = Span::Empty;
    for group in footer.metadata().row_groups() {
        let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts() == [column]);
        let Some(ChunkStatistics::Int64(known)) = chunk.and_then(|chunk| chunk.statistics()) else {
            return Ok(Span::Unknown);
        };
        let nothing = known.null_count_opt() == Some(group.num_rows().unsigned_abs());
        whole = whole.and(match (known.min_opt(), known.max_opt()) {
            (Some(least), Some(most)) => Span::Bounds(*least, *most),
            _ if nothing => Span::Empty,
            _ => Span::Unknown,
        });
    }
    Ok(whole)
}

/// A Parquet file as it is now, and its footer.
pub(crate) fn footer_of(path: &Path) -> Result<(Member, ArrowReaderMetadata), DataError> {
    Member::of(path).map_err(|error| DataError::store("read the stored table", path, &error))
}

fn scanned(stored: &SchemaRef) -> TableSchema {
    let first = Field::new(FIRST, DataType::Int64, false);
    let row = Field::new(ROW, DataType::Int64, false).with_extension_type(RowNumber);
    TableSchema::builder(Arc::clone(stored))
        .with_table_partition_cols(vec![Arc::new(first)])
        .with_virtual_columns(vec![Arc::new(row)])
        .build()
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let wanted = projection.cloned().unwrap_or_else(|| (0..=self.position()).collect());
        let own = wanted.iter().filter(|index| **index != self.position()).map(|index| self.place(*index));
        let mut columns = own.collect::<Result<Vec<usize>>>()?;
        let (first, row) = (self.stored_schema().fields().len(), self.stored_schema().fields().len() + 1);
        if columns.len() < wanted.len() {
            columns.extend([first, row]);
        }
        columns.extend(self.replaced.filter(|replaced| !columns.contains(replaced)));
        let limit = limit.filter(|_| self.replaced.is_none());
        let mut scan = self.files(columns.clone(), limit, session.config().target_partitions())?;
        let column = |name: &str, index: usize| -> Result<Arc<dyn PhysicalExpr>> {
            let place = columns.iter().position(|column| *column == index);
            let place = place.ok_or_else(|| DataFusionError::Internal(format!("`{name}` is not scanned")))?;
            Ok(Arc::new(Column::new(name, place)))
        };
        if let Some(replaced) = self.replaced {
            scan = Arc::new(FilterExec::try_new(is_null(column(REPLACED, replaced)?)?, scan)?);
        }
        if columns.len() == wanted.len() && !wanted.contains(&self.position()) {
            return Ok(scan);
        }
        let outputs = wanted.iter().map(|index| {
            let name = self.schema.field(*index).name();
            let expr: Arc<dyn PhysicalExpr> = if *index == self.position() {
                // The number of the file's first row, and the row's number in the file.
                Arc::new(BinaryExpr::new(column(FIRST, first)?, Operator::Plus, column(ROW, row)?))
            } else {
                column(name, self.place(*index)?)?
            };
            Ok(ProjectionExpr { expr, alias: name.clone() })
        });
        Ok(Arc::new(ProjectionExec::try_new(outputs.collect::<Result<Vec<_>>>()?, scan)?))
    }
}
