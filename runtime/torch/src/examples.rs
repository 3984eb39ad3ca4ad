//! Examples: Parquet files side by side, as columns in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::compute::{cast, concat, take};
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
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) rows: BTreeMap<Part, Vec<usize>>,
    pub(crate) left_out: u64,
}

impl Examples {
    /// Reads tables whose rows belong together by their position, each of them from its files one after the other.
    ///
    /// # Errors
    /// A file cannot be read, or the tables are not equally long.
    pub fn read(tables: &[Vec<PathBuf>]) -> Result<Self, TrainError> {
        let mut examples = Examples::default();
        for (index, files) in tables.iter().enumerate() {
            let (columns, rows) = read_table(files)?;
            if index > 0 && rows != examples.rows {
                let path = files.first().cloned().unwrap_or_default();
                let reason = format!("its table has {rows} rows, the first one has {}", examples.rows);
                return Err(TrainError::Unreadable { path, reason });
            }
            examples.rows = rows;
            examples.columns.extend(columns);
        }
        Ok(examples)
    }

    /// The columns of equally long batches; of those with one name the last one counts.
    pub(crate) fn beside(batches: &[RecordBatch]) -> Self {
        let named = |batch: &RecordBatch| {
            let fields = batch.schema();
            let names: Vec<String> = fields.fields().iter().map(|field| field.name().clone()).collect();
            names.into_iter().zip(batch.columns().to_vec())
        };
        let rows = batches.first().map_or(0, RecordBatch::num_rows);
        Examples { columns: batches.iter().flat_map(named).collect(), rows }
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

    /// The column that some examples have and others do not.
    pub(crate) fn optional(&self, name: &str) -> Option<&ArrayRef> {
        self.columns.get(name)
    }

    /// Some of the rows.
    pub(crate) fn at(&self, rows: &[usize]) -> Result<Self, TrainError> {
        let places = UInt64Array::from_iter_values(rows.iter().map(|&row| row as u64));
        let columns = self.columns.iter().map(|(name, column)| {
            let taken = take(column, &places, None).map_err(|error| unusable(name, &error))?;
            Ok((name.clone(), taken))
        });
        Ok(Examples { columns: columns.collect::<Result<_, TrainError>>()?, rows: rows.len() })
    }

    /// The columns with one of them in another order of rows.
    pub(crate) fn replaced(&self, name: &str, column: ArrayRef) -> Self {
        let mut columns = self.columns.clone();
        columns.insert(name.to_owned(), column);
        Examples { columns, rows: self.rows }
    }

    /// The column as text.
    pub(crate) fn texts(&self, name: &str) -> Result<StringArray, TrainError> {
        let column = cast(self.column(name)?, &DataType::Utf8).map_err(|error| unusable(name, &error))?;
        Ok(column.as_string::<i32>().clone())
    }

    /// Which rows belong to which part; of examples that have a label, those without one belong to none.
    pub(crate) fn parts(&self, labelled: bool) -> Result<Parts, TrainError> {
        let names = self.texts(columns::PART)?;
        let labels = if labelled { Some(self.column(columns::LABEL)?) } else { None };
        let mut parts = Parts { rows: Part::ALL.into_iter().map(|part| (part, Vec::new())).collect(), left_out: 0 };
        for row in 0..self.rows {
            let part = Part::ALL.into_iter().find(|part| names.is_valid(row) && names.value(row) == part.name());
            let part = part.filter(|_| labels.is_none_or(|labels| labels.is_valid(row)));
            match part.and_then(|part| parts.rows.get_mut(&part)) {
                Some(rows) => rows.push(row),
                None => parts.left_out += 1,
            }
        }
        Ok(parts)
    }
}

/// Columns by name, and how many rows they have.
type Columns = (BTreeMap<String, ArrayRef>, usize);

fn read_table(files: &[PathBuf]) -> Result<Columns, TrainError> {
    let mut pieces: BTreeMap<String, Vec<ArrayRef>> = BTreeMap::new();
    let mut rows = 0;
    for path in files {
        rows += read_file(path, &mut pieces).map_err(|reason| TrainError::Unreadable { path: path.clone(), reason })?;
    }
    let whole = |(name, pieces): (String, Vec<ArrayRef>)| {
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        let column = concat(&pieces).map_err(|error| unusable(&name, &error))?;
        Ok((name, column))
    };
    let mut columns = pieces.into_iter().map(whole).collect::<Result<BTreeMap<String, ArrayRef>, TrainError>>()?;
    // Files that were made earlier may have columns that nobody wants any more.
    columns.retain(|_, column| column.len() == rows);
    Ok((columns, rows))
}

/// Adds the columns of a file to those of the files before it; its number of rows.
fn read_file(path: &Path, pieces: &mut BTreeMap<String, Vec<ArrayRef>>) -> Result<usize, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let fields = builder.schema().fields().clone();
    for field in &fields {
        let none = arrow::array::new_empty_array(field.data_type());
        pieces.entry(field.name().clone()).or_default().push(none);
    }
    let mut rows = 0;
    for batch in builder.with_batch_size(65_536).build().map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        rows += batch.num_rows();
        for (field, column) in fields.iter().zip(batch.columns()) {
            pieces.entry(field.name().clone()).or_default().push(column.clone());
        }
    }
    Ok(rows)
}

fn missing(name: &str) -> TrainError {
    TrainError::Column { name: name.to_owned(), reason: "there is no such column".to_owned() }
}

fn unusable(name: &str, error: &arrow::error::ArrowError) -> TrainError {
    TrainError::Column { name: name.to_owned(), reason: error.to_string() }
}
