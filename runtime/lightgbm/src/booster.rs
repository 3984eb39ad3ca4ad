//! Trees, and how they grow.

#![allow(unsafe_code, reason = "a handle of a C library goes to another thread")]

use crate::dataset::{Dataset, Matrix};
use crate::error::LightgbmError;
use crate::ffi::{Handle, counted};
use crate::library::Library;
use crate::parameters::Parameters;

/// Trees, one round of them after the other.
pub struct Booster {
    handle: Handle,
    library: &'static Library,
    /// What they grow on must stay as long as they do; trees that were read grow no more.
    _grown_on: Option<Dataset>,
}

// SAFETY: a booster has no ties to the thread that made it, and only its owner uses it.
unsafe impl Send for Booster {}

impl Booster {
    /// No trees yet, to be grown on a data set.
    ///
    /// # Errors
    /// The library refuses a parameter, or the data set has no label.
    pub fn new(dataset: Dataset, parameters: &Parameters) -> Result<Self, LightgbmError> {
        let library = dataset.library;
        let handle = library.0.booster(dataset.handle, &parameters.text()?)?;
        Ok(Booster { handle, library, _grown_on: Some(dataset) })
    }

    /// Trees as [`Booster::to_text`] wrote them.
    ///
    /// # Errors
    /// The text holds no trees.
    pub fn from_text(library: &'static Library, text: &str) -> Result<Self, LightgbmError> {
        Ok(Booster { handle: library.0.load(text)?, library, _grown_on: None })
    }

    /// Grows one round of trees; false if there is nothing left to gain.
    ///
    /// # Errors
    /// The library refuses.
    pub fn step(&mut self) -> Result<bool, LightgbmError> {
        Ok(!self.library.0.step(self.handle)?)
    }

    /// How many outputs a row has.
    ///
    /// # Errors
    /// The library refuses.
    pub fn classes(&self) -> Result<usize, LightgbmError> {
        Ok(usize::try_from(self.library.0.classes(self.handle)?).unwrap_or_default())
    }

    /// What rounds from `first` on add to the outputs of rows, `rows × classes` before any link; all of them if `rounds` is
    /// none.
    ///
    /// # Errors
    /// The rows have other columns than those that the trees grew on.
    pub fn predict(&self, matrix: &Matrix<'_>, first: usize, rounds: Option<usize>) -> Result<Vec<f64>, LightgbmError> {
        let columns = self.library.0.features(self.handle)?;
        if columns != matrix.columns() {
            let message = format!("the trees read {columns} columns, the rows have {}", matrix.columns());
            return Err(LightgbmError::Refused(message));
        }
        let mut outputs = vec![0.0; matrix.rows() * self.classes()?];
        if outputs.is_empty() {
            return Ok(outputs);
        }
        let rounds = (counted(first, "rounds")?, rounds.map_or(Ok(-1), |rounds| counted(rounds, "rounds"))?);
        self.library.0.predict(self.handle, matrix.cells(), rounds, &mut outputs)?;
        Ok(outputs)
    }

    /// The first rounds as text, all of them if `rounds` is none: LightGBM's own format, which its other languages read.
    ///
    /// # Errors
    /// The library refuses.
    pub fn to_text(&self, rounds: Option<usize>) -> Result<String, LightgbmError> {
        self.library.0.save(self.handle, rounds.map_or(Ok(-1), |rounds| counted(rounds, "rounds"))?)
    }
}

impl Drop for Booster {
    fn drop(&mut self) {
        self.library.0.free_booster(self.handle);
    }
}
