//! Examples: Parquet files side by side, as columns in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::compute::{cast, concat};
use arrow::datatypes::DataType;
use mlsys_plan::{Part, columns};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::error::TrainError;

/// Columns of equal length, by name.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    columns: BTreeMap<String, ArrayRef>,
    rows: usize,
}

/// The rows of each part, and how many belong to none.
pub(crate) struct Parts {
    pub(crate) rows: BTreeMap<Part, Vec<usize>>,
    pub(crate) left_out: u64,
}

impl Examples {
    /// Reads files whose rows belong together by their position.
    ///
    /// # Errors
    /// A file cannot be read, or the files are not equally long.
    pub fn read(paths: &[PathBuf]) -> Result<Self, TrainError> {
        let mut examples = Examples::default();
        for (index, path) in paths.iter().enumerate() {
            let unreadable = |reason: String| TrainError::Unreadable { path: path.clone(), reason };
            let (columns, rows) = read_file(path).map_err(unreadable)?;
            if index > 0 && rows != examples.rows {
                return Err(unreadable(format!("it has {rows} rows, the first file has {}", examples.rows)));
            }
            examples.rows = rows;
            examples.columns.extend(columns);
        }
        Ok(examples)
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The column of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn column(&self, name: &str) -> Result<&ArrayRef, TrainError> {
        self.columns.get(name).ok_or_else(|| missing(name))
    }

    /// The column as `float64`.
    pub(crate) fn numbers(&self, name: &str) -> Result<arrow::array::Float64Array, TrainError> {
        let column = cast(self.column(name)?, &DataType::Float64).map_err(|error| unusable(name, &error))?;
        Ok(column.as_primitive::<arrow::datatypes::Float64Type>().clone())
    }

    /// The column as text.
    pub(crate) fn texts(&self, name: &str) -> Result<StringArray, TrainError> {
        let column = cast(self.column(name)?, &DataType::Utf8).map_err(|error| unusable(name, &error))?;
        Ok(column.as_string::<i32>().clone())
    }

    /// The label of every row; rows without one are in no part.
    pub(crate) fn labels(&self) -> Result<BooleanArray, TrainError> {
        let column = self.column(columns::LABEL)?;
        column.as_boolean_opt().cloned().ok_or_else(|| TrainError::Column {
            name: columns::LABEL.to_owned(),
            reason: format!("the label is a {}, expected a bool", column.data_type()),
        })
    }

    /// Which rows belong to which part.
    pub(crate) fn parts(&self) -> Result<Parts, TrainError> {
        let names = self.texts(columns::PART)?;
        let labels = self.labels()?;
        let mut parts = Parts { rows: Part::ALL.into_iter().map(|part| (part, Vec::new())).collect(), left_out: 0 };
        for row in 0..self.rows {
            let part = Part::ALL.into_iter().find(|part| names.is_valid(row) && names.value(row) == part.name());
            match part.and_then(|part| parts.rows.get_mut(&part)).filter(|_| labels.is_valid(row)) {
                Some(rows) => rows.push(row),
                None => parts.left_out += 1,
            }
        }
        Ok(parts)
    }
}

fn read_file(path: &Path) -> Result<(BTreeMap<String, ArrayRef>, usize), String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let schema = builder.schema().clone();
    let mut pieces: Vec<Vec<ArrayRef>> = vec![Vec::new(); schema.fields().len()];
    let mut rows = 0;
    for batch in builder.with_batch_size(65_536).build().map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        rows += batch.num_rows();
        for (pieces, column) in pieces.iter_mut().zip(batch.columns()) {
            pieces.push(column.clone());
        }
    }
    let mut columns = BTreeMap::new();
    for (field, pieces) in schema.fields().iter().zip(pieces) {
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        let column = if pieces.is_empty() {
            arrow::array::new_empty_array(field.data_type())
        } else {
            concat(&pieces).map_err(|error| error.to_string())?
        };
        columns.insert(field.name().clone(), column);
    }
    Ok((columns, rows))
}

fn missing(name: &str) -> TrainError {
    TrainError::Column { name: name.to_owned(), reason: "there is no such column".to_owned() }
}

fn unusable(name: &str, error: &arrow::error::ArrowError) -> TrainError {
    TrainError::Column { name: name.to_owned(), reason: error.to_string() }
}
