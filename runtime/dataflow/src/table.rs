//! Stored tables: single Parquet files that a run wrote, scanned by DataFusion, with the number of each row on request.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use arrow::datatypes::{DataType, Field, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::object_store::ObjectStoreUrl;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::object_store::ObjectMeta;
use datafusion::physical_plan::ExecutionPlan;
use parquet::arrow::RowNumber;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use crate::error::DataError;

/// The column that numbers the rows of a stored table, from 0.
pub(crate) const POSITION: &str = "__position";

/// The schema of a stored table together with [`POSITION`].
pub(crate) fn with_position(schema: &SchemaRef) -> SchemaRef {
    Arc::clone(table_schema(schema).table_schema())
}

/// A stored table.
#[derive(Debug)]
pub(crate) struct StoredTable {
    path: PathBuf,
    size: u64,
    /// Together with the size it tells DataFusion's cache of file footers that a file was replaced.
    modified: SystemTime,
    rows: u64,
    schema: TableSchema,
}

impl StoredTable {
    /// Opens a table and reads its schema.
    ///
    /// # Errors
    /// E0911 if the file cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let unreadable = |error: &dyn std::error::Error| DataError::store("read the stored table", path, error);
        let path_found = path.canonicalize().map_err(|error| unreadable(&error))?;
        let file = File::open(&path_found).map_err(|error| unreadable(&error))?;
        let details = file.metadata().map_err(|error| unreadable(&error))?;
        let modified = details.modified().map_err(|error| unreadable(&error))?;
        let metadata =
            ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| unreadable(&error))?;
        let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(StoredTable {
            path: path_found,
            size: details.len(),
            modified,
            rows,
            schema: table_schema(metadata.schema()),
        })
    }

    /// How many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    fn file(&self) -> Result<PartitionedFile> {
        Ok(PartitionedFile::new_from_meta(ObjectMeta {
            location: datafusion::object_store::path::Path::from_absolute_path(&self.path)?,
            last_modified: self.modified.into(),
            size: self.size,
            e_tag: None,
            version: None,
        }))
    }
}

fn table_schema(stored: &SchemaRef) -> TableSchema {
    let position = Field::new(POSITION, DataType::Int64, false).with_extension_type(RowNumber);
    TableSchema::builder(Arc::clone(stored)).with_virtual_columns(vec![Arc::new(position)]).build()
}

#[async_trait]
impl TableProvider for StoredTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let source = Arc::new(ParquetSource::new(self.schema.clone()));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), source)
            .with_file(self.file()?)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
