//! Trees, and how they grow.

#![allow(unsafe_code, reason = "a handle of a C library goes to another thread")]

use crate::dataset::{Dataset, Matrix};
use crate::error::LightgbmError;
use crate::ffi::{Handle, counted};
use crate::library::Library;
use crate::parameters::Parameters;
use crate::text::outline;

/// Trees, one round of them after the other.
pub struct Booster {
    handle: Handle,
    library: &'static Library,
    /// Columns whose numbers have no order.
    categories: Vec<usize>,
    /// What they grow on must stay as long as they do; trees that were read grow no more.
    grown_on: Option<Dataset>,
}

// SAFETY: a booster has no ties to the thread that made it, and only its owner uses it.
unsafe impl Send for Booster {}

impl Booster {
    /// No trees yet, to be grown on a data set.
    ///
    /// # Errors
    /// The library refuses a parameter, the data set has no labels, or labels that the objective does not know.
    pub fn new(mut dataset: Dataset, parameters: &Parameters) -> Result<Self, LightgbmError> {
        dataset.check_labels(parameters)?;
        let library = dataset.library;
        let handle = library.0.booster(dataset.handle, &parameters.text(&dataset.categories)?)?;
        Ok(Booster { handle, library, categories: dataset.categories.clone(), grown_on: Some(dataset) })
    }

    /// Trees as [`Booster::to_text`] wrote them; there may be none.
    ///
    /// # Errors
    /// The text holds no trees, or is not whole.
    pub fn from_text(library: &'static Library, text: &str) -> Result<Self, LightgbmError> {
        let outline = outline(text).map_err(LightgbmError::Text)?;
        let (handle, rounds) = library.0.load(text)?;
        let categories = outline.categories.into_iter().collect();
        let booster = Booster { handle, library, categories, grown_on: None };
        if usize::try_from(rounds) != Ok(outline.rounds) {
            let reason = format!("it has {} rounds, of which LightGBM read {rounds}", outline.rounds);
            return Err(LightgbmError::Text(reason));
        }
        Ok(booster)
    }

    /// Grows one round of trees; false if there is nothing left to gain.
    ///
    /// # Errors
    /// The trees were read from a text, or the library refuses.
    pub fn step(&mut self) -> Result<bool, LightgbmError> {
        if self.grown_on.is_none() {
            return Err(LightgbmError::Grown);
        }
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
    /// none. Rounds that there are not add nothing.
    ///
    /// # Errors
    /// The rows have other columns than those that the trees grew on, or a category that is none.
    pub fn predict(&self, matrix: &Matrix<'_>, first: usize, rounds: Option<usize>) -> Result<Vec<f64>, LightgbmError> {
        let columns = self.library.0.features(self.handle)?;
        if usize::try_from(columns) != Ok(matrix.columns()) {
            let message = format!("the trees read {columns} columns, the rows have {}", matrix.columns());
            return Err(LightgbmError::Unusable(message));
        }
        matrix.check(&self.categories)?;
        let mut outputs = vec![0.0; matrix.rows() * self.classes()?];
        // To the library no rounds are all of them.
        if outputs.is_empty() || rounds == Some(0) {
            return Ok(outputs);
        }
        let rounds = (counted(first, "rounds")?, rounds.map_or(Ok(-1), |rounds| counted(rounds, "rounds"))?);
        self.library.0.predict(self.handle, matrix.cells(), rounds, &mut outputs)?;
        Ok(outputs)
    }

    /// The first rounds as text, all of them if `rounds` is none or more than there are: LightGBM's own format, which its other
    /// languages read. The same rows and parameters give the same bytes, on any number of threads.
    ///
    /// # Errors
    /// No rounds are wanted, which the library cannot write, or it refuses.
    pub fn to_text(&self, rounds: Option<usize>) -> Result<String, LightgbmError> {
        if rounds == Some(0) {
            return Err(LightgbmError::Unusable("trees of no rounds are no trees".to_owned()));
        }
        self.library.0.save(self.handle, rounds.map_or(Ok(-1), |rounds| counted(rounds, "rounds"))?)
    }
}

impl Drop for Booster {
    fn drop(&mut self) {
        self.library.0.free_booster(self.handle);
    }
}
