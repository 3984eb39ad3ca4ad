//! Predictions as they are written: what is carried over, the prediction, and who made it when.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float64Array, Float64Builder, Int64Array, ListBuilder, RecordBatch, RecordBatchOptions, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema, SchemaRef};
use mlsys_metrics::{middle, most_probable};
use mlsys_training::{PredictJob, predicted};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::artefact::Answer;
use crate::error::TrainError;
use crate::examples::Examples;

/// A file of predictions that is being written beside its place.
pub(super) struct Output {
    path: PathBuf,
    beside: PathBuf,
    writer: ArrowWriter<File>,
}

impl Output {
    /// Begins a file that will be at `path`.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn create(path: &Path, schema: &SchemaRef) -> Result<Self, TrainError> {
        let beside = path.with_extension("new");
        let begin = || -> Result<ArrowWriter<File>, Box<dyn std::error::Error>> {
            let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?));
            Ok(ArrowWriter::try_new(File::create(&beside)?, Arc::clone(schema), Some(properties.build()))?)
        };
        let writer = begin().map_err(|error| failed(path, &*error))?;
        Ok(Output { path: path.to_owned(), beside, writer })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), TrainError> {
        self.writer.write(batch).map_err(|error| failed(&self.path, &error))
    }

    /// Puts the file into its place, complete.
    ///
    /// # Errors
    /// It cannot be written or renamed.
    pub(super) fn finish(self) -> Result<(), TrainError> {
        let file = self.writer.into_inner().map_err(|error| failed(&self.path, &error))?;
        let put = file.sync_all().and_then(|()| fs::rename(&self.beside, &self.path));
        put.map_err(|error| failed(&self.path, &error))
    }
}

/// Rows beside their predictions.
///
/// # Errors
/// A column that is carried over is not there.
pub(super) fn batch(
    job: &PredictJob,
    rows: &Examples,
    answer: &Answer,
    predictions: &[Option<&[f64]>],
) -> Result<RecordBatch, TrainError> {
    let count = predictions.len();
    let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
    for carried in &job.carried {
        columns.push((&carried.to, Arc::clone(rows.column(&carried.from)?)));
    }
    let stamp = &job.stamp;
    let instants = TimestampMicrosecondArray::from_value(stamp.scored_at, count).with_timezone("UTC");
    columns.extend(answered(answer, predictions));
    columns.push((predicted::MODEL, Arc::new(StringArray::from_iter_values(vec![stamp.model.as_str(); count]))));
    columns.push((predicted::VERSION, Arc::new(Int64Array::from_value(stamp.version, count))));
    columns.push((predicted::SCORED_AT, Arc::new(instants)));
    let fields: Vec<Field> =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)
        .map_err(|error| TrainError::Column { name: predicted::PREDICTION.to_owned(), reason: error.to_string() })
}

/// Predictions as columns: of classes the most probable one with its probability, of quantiles the middle one with all.
pub(crate) fn answered(answer: &Answer, predictions: &[Option<&[f64]>]) -> Vec<(&'static str, ArrayRef)> {
    let numbers = |place: &dyn Fn(&[f64]) -> Option<f64>| -> ArrayRef {
        Arc::new(predictions.iter().map(|row| row.and_then(place)).collect::<Float64Array>())
    };
    match answer {
        Answer::Probability | Answer::Number => {
            vec![(predicted::PREDICTION, numbers(&|row| row.first().copied()))]
        }
        Answer::Classes(classes) => {
            let names = predictions.iter().map(|row| classes.get(row.map(most_probable)?).map(String::as_str));
            vec![
                (predicted::PREDICTION, Arc::new(names.collect::<StringArray>()) as ArrayRef),
                (predicted::PROBABILITY, numbers(&|row| row.get(most_probable(row)).copied())),
            ]
        }
        Answer::Quantiles(quantiles) => {
            let middle = middle(quantiles);
            let mut all = ListBuilder::new(Float64Builder::new());
            for row in predictions {
                row.iter().flat_map(|row| row.iter()).for_each(|number| all.values().append_value(*number));
                all.append(row.is_some());
            }
            vec![
                (predicted::PREDICTION, numbers(&|row| row.get(middle).copied())),
                (predicted::QUANTILES, Arc::new(all.finish())),
            ]
        }
    }
}

fn failed(path: &Path, error: &dyn std::error::Error) -> TrainError {
    TrainError::Unwritable { path: path.to_owned(), reason: error.to_string() }
}
