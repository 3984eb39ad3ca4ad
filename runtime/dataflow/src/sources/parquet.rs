//! `parquet(path)`: Parquet files, columns matched by name.

use std::fs::File;

use mlsys_plan::{Call, Field};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::typed::{BATCH, Typed, positions, unreadable};
use super::{Batches, Connector, InputFile};
use crate::error::DataError;

const FORMAT: &str = "Parquet";

/// The connector `parquet`.
pub(super) struct Parquet;

impl Connector for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn check(&self, _call: &Call, _columns: &[Field]) -> Result<(), DataError> {
        Ok(())
    }

    fn read(&self, _call: &Call, file: &InputFile, columns: &[Field]) -> Result<Batches, DataError> {
        let failed = |reason: String| unreadable(file, FORMAT, &reason);
        let opened = File::open(&file.path).map_err(|error| failed(error.to_string()))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(opened).map_err(|error| failed(error.to_string()))?;
        let positions = positions(file, builder.schema(), columns)?;
        let mask = ProjectionMask::roots(builder.parquet_schema(), positions);
        let reader = builder.with_projection(mask).with_batch_size(BATCH).build();
        let reader = reader.map_err(|error| failed(error.to_string()))?;
        Ok(Box::new(Typed::new(reader, FORMAT, file.clone(), columns.to_vec())))
    }
}
