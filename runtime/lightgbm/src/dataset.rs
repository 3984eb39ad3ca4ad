//! Rows that trees are grown on.

use crate::error::LightgbmError;
use crate::ffi::{Cells, Handle, counted};
use crate::library::Library;
use crate::parameters::Parameters;

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
}

impl<'a> Matrix<'a> {
    /// A table with so many columns, of as many rows as the values make up.
    ///
    /// # Errors
    /// There are more rows or columns than the library can count.
    pub fn new(values: &'a [f32], columns: usize) -> Result<Self, LightgbmError> {
        let rows = values.len() / columns.max(1);
        let values = &values[..rows * columns];
        Ok(Matrix { values, rows: counted(rows, "rows")?, columns: counted(columns, "columns")? })
    }

    pub(crate) fn cells(&self) -> Cells<'a> {
        Cells { values: self.values, rows: self.rows, columns: self.columns }
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        usize::try_from(self.rows).unwrap_or_default()
    }

    pub(crate) fn columns(&self) -> i32 {
        self.columns
    }
}

impl Dataset {
    /// A data set of the table's rows, which are copied.
    ///
    /// # Errors
    /// The library refuses.
    pub fn new(library: &'static Library, matrix: &Matrix<'_>, parameters: &Parameters) -> Result<Self, LightgbmError> {
        let handle = library.0.create(matrix.cells(), &parameters.text()?)?;
        Ok(Dataset { handle, library })
    }

    /// What is learnt, a number for each row.
    ///
    /// # Errors
    /// There are not as many numbers as rows.
    pub fn label(&mut self, labels: &[f32]) -> Result<(), LightgbmError> {
        self.library.0.floats(self.handle, c"label", labels)
    }

    /// How much each row counts.
    ///
    /// # Errors
    /// There are not as many numbers as rows.
    pub fn weight(&mut self, weights: &[f32]) -> Result<(), LightgbmError> {
        self.library.0.floats(self.handle, c"weight", weights)
    }

    /// How many rows each group has, groups one after the other.
    ///
    /// # Errors
    /// The sizes do not add up to the number of rows.
    pub fn groups(&mut self, sizes: &[i32]) -> Result<(), LightgbmError> {
        self.library.0.sizes(self.handle, c"group", sizes)
    }
}

impl Drop for Dataset {
    fn drop(&mut self) {
        self.library.0.free_dataset(self.handle);
    }
}
