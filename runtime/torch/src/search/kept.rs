//! What a search has behind it, kept after each trial, so that one that was cut off does not try again what it has tried.
//!
//! A file lists the trials, and a folder beside it holds the best model so far. The list names the folder and is written
//! after it: whenever a search is cut off, both are there and belong together.

use std::fs;
use std::path::{Path, PathBuf};

use mlsys_training::{EpochReport, TrainJob, TrialReport};
use serde::{Deserialize, Serialize};

use crate::artefact::Model;
use crate::error::TrainError;
use crate::fit::Fitted;
use crate::training::identity;

/// The version of the file's format.
const FORMAT: u32 = 1;

/// The file with the trials.
const LIST: &str = "trials.json";

/// The trials of a search that were kept, and where.
pub(super) struct Kept {
    folder: PathBuf,
    list: List,
}

#[derive(Serialize, Deserialize)]
struct List {
    format: u32,
    /// What is searched on what: another search begins anew.
    of: String,
    trials: Vec<KeptTrial>,
    /// The trial whose model is in the folder, and how fast it was.
    best: Option<(u32, Option<f64>)>,
}

/// A trial that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct KeptTrial {
    point: Vec<f64>,
    pub(super) report: TrialReport,
    /// Its epochs, by which other trials are ended early; none of a trial that failed.
    pub(super) epochs: Vec<EpochReport>,
}

impl Kept {
    /// What was kept of a job, if there is a place for it. A list that cannot be read, or is of another job, is empty.
    pub(super) fn of(job: &TrainJob) -> Result<Option<Self>, TrainError> {
        let Some(folder) = &job.checkpoints else { return Ok(None) };
        let of = identity(&job.train, job)?;
        let found = read(&folder.join(LIST)).filter(|list| list.format == FORMAT && list.of == of);
        let list = found.unwrap_or(List { format: FORMAT, of, trials: Vec::new(), best: None });
        Ok(Some(Kept { folder: folder.clone(), list }))
    }

    /// A trial of this number at this point.
    pub(super) fn find(&self, trial: u32, point: &[f64]) -> Option<&KeptTrial> {
        self.list.trials.iter().find(|kept| kept.report.trial == trial && kept.point == point)
    }

    /// The model of a trial, if it was the best one when the search was cut off.
    pub(super) fn model(&self, trial: &KeptTrial) -> Option<Result<Fitted, TrainError>> {
        let (_, rows_per_second) = self.list.best.filter(|(best, _)| *best == trial.report.trial)?;
        let model = Model::load(&self.place(trial.report.trial));
        Some(model.map(|model| Fitted {
            model,
            epochs: trial.epochs.clone(),
            best_epoch: trial.report.best_epoch,
            rows_per_second,
            ended_after: trial.report.ended_after,
        }))
    }

    /// Keeps a trial; with its model, if that is the best one so far.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn keep(
        &mut self,
        point: &[f64],
        report: &TrialReport,
        epochs: Vec<EpochReport>,
        best: Option<&Fitted>,
    ) -> Result<(), TrainError> {
        fs::create_dir_all(&self.folder).map_err(|error| self.failed(&error))?;
        let before = self.list.best;
        if let Some(fitted) = best {
            let place = self.place(report.trial);
            fs::create_dir_all(&place).map_err(|error| self.failed(&error))?;
            fitted.model.save(&place)?;
            self.list.best = Some((report.trial, fitted.rows_per_second));
        }
        self.list.trials.push(KeptTrial { point: point.to_vec(), report: report.clone(), epochs });
        self.write()?;
        if let Some((before, _)) = before.filter(|_| best.is_some()) {
            // A folder that stays takes space until the training is done.
            let _ = fs::remove_dir_all(self.place(before));
        }
        Ok(())
    }

    fn write(&self) -> Result<(), TrainError> {
        let text = serde_json::to_vec(&self.list).map_err(|error| self.failed(&error))?;
        let beside = self.folder.join("trials.new");
        fs::write(&beside, text).map_err(|error| self.failed(&error))?;
        fs::rename(&beside, self.folder.join(LIST)).map_err(|error| self.failed(&error))
    }

    fn place(&self, trial: u32) -> PathBuf {
        self.folder.join(format!("trial-{trial}"))
    }

    fn failed(&self, error: &dyn std::error::Error) -> TrainError {
        TrainError::Artefact { path: self.folder.clone(), reason: error.to_string() }
    }
}

fn read(path: &Path) -> Option<List> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}
