//! Where a training is: kept now and then in one file, so that one that was cut off goes on there and ends at the same model.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mlsys_training::EpochReport;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::error::TrainError;

/// The name under which the file holds what is no weights: JSON as bytes.
const POSITION: &str = "position";

/// The version of the file's format.
const FORMAT: u32 = 1;

/// Keeps checkpoints of one training.
pub(crate) struct Keeper {
    path: PathBuf,
    every: Duration,
    last: Instant,
    /// What is trained: a file of another training is not taken up.
    of: String,
}

/// Where a training is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    format: u32,
    of: String,
    /// The epoch that is being done, from 1.
    pub(crate) epoch: u32,
    /// The steps of it that are done.
    pub(crate) step: u64,
    /// The steps that are done in all.
    pub(crate) steps: u64,
    /// The sum of losses of these steps.
    pub(crate) loss: f64,
    /// Seconds of training so far.
    pub(crate) seconds: f64,
    pub(crate) reports: Vec<EpochReport>,
    /// The best epoch so far, and its score.
    pub(crate) best: Option<(u32, f64)>,
}

/// A checkpoint as it was found.
pub(crate) struct Found {
    pub(crate) position: Position,
    pub(crate) tensors: Vec<(String, Tensor)>,
}

impl Keeper {
    /// Keeps checkpoints in a file, so often.
    pub(crate) fn new(path: &Path, every: Duration, of: String) -> Self {
        Keeper { path: path.to_owned(), every, last: Instant::now(), of }
    }

    /// Whether it is time to keep one.
    pub(crate) fn is_due(&self) -> bool {
        self.last.elapsed() >= self.every
    }

    /// Keeps a checkpoint in the place of the one before.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn keep(
        &mut self,
        position: &Position,
        seconds: f64,
        tensors: Vec<(String, Tensor)>,
    ) -> Result<(), TrainError> {
        let fail = |reason: String| TrainError::Artefact { path: self.path.clone(), reason };
        let position = Position { of: self.of.clone(), seconds, ..position.clone() };
        let text = serde_json::to_vec(&position).map_err(|error| fail(error.to_string()))?;
        let mut all = tensors;
        all.push((POSITION.to_owned(), Tensor::f_from_slice(&text)?));
        let beside = self.path.with_extension("new");
        Tensor::write_safetensors(&all, &beside).map_err(|error| fail(error.to_string()))?;
        fs::rename(&beside, &self.path).map_err(|error| fail(error.to_string()))?;
        self.last = Instant::now();
        Ok(())
    }

    /// The checkpoint, if there is one of this training. One that cannot be read, or is of another training, is none.
    pub(crate) fn find(&self) -> Option<Found> {
        let mut tensors = Tensor::read_safetensors(&self.path).ok()?;
        let at = tensors.iter().position(|(name, _)| name == POSITION)?;
        let bytes = Vec::<u8>::try_from(tensors.remove(at).1.to_kind(Kind::Uint8)).ok()?;
        let position: Position = serde_json::from_slice(&bytes).ok()?;
        (position.format == FORMAT && position.of == self.of).then_some(Found { position, tensors })
    }

    /// Removes the checkpoint of a training that is done.
    pub(crate) fn forget(&self) {
        // What is left of it is found to be of another training, or takes this one up at its end.
        let _ = fs::remove_file(&self.path);
    }
}

impl Position {
    /// To the beginning of the next epoch.
    pub(crate) fn next_epoch(&mut self) {
        self.epoch += 1;
        self.step = 0;
        self.loss = 0.0;
    }

    /// The beginning of a training.
    pub(crate) fn first() -> Self {
        Position {
            format: FORMAT,
            of: String::new(),
            epoch: 1,
            step: 0,
            steps: 0,
            loss: 0.0,
            seconds: 0.0,
            reports: Vec::new(),
            best: None,
        }
    }
}
