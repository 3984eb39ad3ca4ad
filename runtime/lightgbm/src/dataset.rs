//! Rows that trees are grown on.
//!
//! What is asked of them here the library does not ask itself: it takes a label that is not a number for zero, an infinite one for
//! 1e38, and sizes of groups by their sum alone.

use crate::error::LightgbmError;
use crate::ffi::{Cells, Handle, counted};
use crate::library::Library;
use crate::parameters::Parameters;

/// Up to where float32 tells whole numbers apart.
const MOST_CATEGORY: f32 = 16_777_216.0;

/// The largest grade of a row that is ranked: the library's gains end there (its parameter `label_gain`).
const MOST_GRADE: f32 = 30.0;

/// A table of float32, row by row; NaN is a missing value.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: i32,
    columns: i32,
}

/// A data set of the library.
pub struct Dataset {
    pub(crate) handle: Handle,
    pub(crate) library: &'static Library,
    pub(crate) categories: Vec<usize>,
    rows: usize,
    labels: Option<Vec<f32>>,
}

impl<'a> Matrix<'a> {
    /// A table with so many columns, of as many rows as the values make up, which may be none.
    ///
    /// # Errors
    /// There are no columns, the last row is not whole, or there are more rows or columns than the library can count.
    pub fn new(values: &'a [f32], columns: usize) -> Result<Self, LightgbmError> {
        if columns == 0 {
            return Err(unusable("rows have no columns"));
        }
        if !values.len().is_multiple_of(columns) {
            return Err(unusable(&format!("{} numbers do not make rows of {columns}", values.len())));
        }
        let rows = values.len() / columns;
        Ok(Matrix { values, rows: counted(rows, "rows")?, columns: counted(columns, "columns")? })
    }

    pub(crate) fn cells(&self) -> Cells<'a> {
        Cells { values: self.values, rows: self.rows, columns: self.columns }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        usize::try_from(self.rows).unwrap_or_default()
    }

    /// How many columns it has.
    pub(crate) fn columns(&self) -> usize {
        usize::try_from(self.columns).unwrap_or_default()
    }

    /// Categories are whole numbers from 0 on, or missing: the library cuts others off, or takes them for missing ones.
    pub(crate) fn check(&self, categories: &[usize]) -> Result<(), LightgbmError> {
        if let Some(column) = categories.iter().find(|column| **column >= self.columns()) {
            return Err(unusable(&format!("column {column} is to hold categories, and rows have {}", self.columns())));
        }
        for (row, cells) in self.values.chunks_exact(self.columns().max(1)).enumerate() {
            for &column in categories {
                let value = cells[column];
                if !(value.is_nan() || ((0.0..=MOST_CATEGORY).contains(&value) && value.fract() == 0.0)) {
                    return Err(unusable(&format!(
                        "row {row}, column {column} holds the category {value}: categories are whole numbers from 0 to \
                         {MOST_CATEGORY}"
                    )));
                }
            }
        }
        Ok(())
    }
}

impl Dataset {
    /// A data set of the table's rows, which are copied. `categories` are the columns whose numbers have no order.
    ///
    /// # Errors
    /// There are no rows, a column of categories is not there or holds other numbers than whole ones from 0 on, or the library
    /// refuses.
    pub fn new(
        library: &'static Library,
        matrix: &Matrix<'_>,
        categories: &[usize],
        parameters: &Parameters,
    ) -> Result<Self, LightgbmError> {
        if matrix.rows() == 0 {
            return Err(unusable("there are no rows"));
        }
        matrix.check(categories)?;
        let handle = library.0.create(matrix.cells(), &parameters.text(categories)?)?;
        Ok(Dataset { handle, library, categories: categories.to_vec(), rows: matrix.rows(), labels: None })
    }

    /// What is learnt, a number for each row.
    ///
    /// # Errors
    /// There are not as many numbers as rows, or one of them is NaN or infinite.
    pub fn label(&mut self, labels: &[f32]) -> Result<(), LightgbmError> {
        self.check("label", labels, f32::is_finite)?;
        self.library.0.floats(self.handle, c"label", labels)?;
        self.labels = Some(labels.to_vec());
        Ok(())
    }

    /// How much each row counts.
    ///
    /// # Errors
    /// There are not as many numbers as rows, one of them is NaN, infinite or below zero, or all of them are zero.
    pub fn weight(&mut self, weights: &[f32]) -> Result<(), LightgbmError> {
        self.check("weight", weights, |weight| weight.is_finite() && weight >= 0.0)?;
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(unusable("all rows have a weight of zero"));
        }
        self.library.0.floats(self.handle, c"weight", weights)
    }

    /// How many rows each group has, groups one after the other.
    ///
    /// # Errors
    /// A size is not above zero, or the sizes do not add up to the number of rows.
    pub fn groups(&mut self, sizes: &[i32]) -> Result<(), LightgbmError> {
        if let Some(group) = sizes.iter().position(|size| *size < 1) {
            return Err(unusable(&format!("group {group} has {} rows", sizes[group])));
        }
        let sum: i64 = sizes.iter().map(|size| i64::from(*size)).sum();
        if usize::try_from(sum) != Ok(self.rows) {
            return Err(unusable(&format!("groups have {sum} rows, the data set has {}", self.rows)));
        }
        self.library.0.sizes(self.handle, c"group", sizes)
    }

    fn check(&self, what: &str, values: &[f32], fits: impl Fn(f32) -> bool) -> Result<(), LightgbmError> {
        if values.len() != self.rows {
            return Err(unusable(&format!("there are {} {what}s for {} rows", values.len(), self.rows)));
        }
        values
            .iter()
            .position(|value| !fits(*value))
            .map_or(Ok(()), |row| Err(unusable(&format!("the {what} of row {row} is {}", values[row]))))
    }

    /// Labels as an objective reads them: truth values, classes below their number, grades.
    pub(crate) fn check_labels(&mut self, parameters: &Parameters) -> Result<(), LightgbmError> {
        let labels = self.labels.take().ok_or_else(|| unusable("rows have no labels"))?;
        let most = match parameters.get("objective") {
            Some("binary") => 1.0,
            Some("multiclass" | "multiclassova") => {
                parameters.get("num_class").and_then(|count| count.parse::<f32>().ok()).unwrap_or(1.0) - 1.0
            }
            Some("lambdarank" | "rank_xendcg") => MOST_GRADE,
            _ => return Ok(()),
        };
        let fits = |label: f32| (0.0..=most).contains(&label) && label.fract() == 0.0;
        labels.iter().position(|label| !fits(*label)).map_or(Ok(()), |row| {
            let message =
                format!("the label of row {row} is {}, expected a whole number from 0 to {most}", labels[row]);
            Err(unusable(&message))
        })
    }
}

impl Drop for Dataset {
    fn drop(&mut self) {
        self.library.0.free_dataset(self.handle);
    }
}

fn unusable(reason: &str) -> LightgbmError {
    LightgbmError::Unusable(reason.to_owned())
}
