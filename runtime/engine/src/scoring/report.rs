//! What came of scoring.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use mlsys_dataflow::{ColumnReport, Dataflow, Profile, no_predictions};
use mlsys_store::Scores;
use serde::Serialize;

use super::predictions::{PREDICTIONS, file_of};
use super::{Entry, Ledger};
use crate::error::RunError;

/// What came of a `score` clause.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ScoringReport {
    /// Whose rows are scored.
    pub source: String,
    /// The model.
    pub model: String,
    /// The version that scores now; none if there is none.
    pub version: Option<i64>,
    /// Rows that were scored by this run.
    pub scored: u64,
    /// Rows that were delivered before and stand as they were.
    pub before: u64,
    /// The share of rows scored by this run that have a prediction; none if no rows were.
    pub coverage: Option<f64>,
    /// Rows with a prediction by the version that predicted them, of all that are delivered.
    pub versions: BTreeMap<i64, u64>,
    /// What all these predictions are like; of rejected ones what those are like.
    pub predictions: ColumnReport,
    /// Where they are.
    pub into: PathBuf,
    /// Files there.
    pub files: u64,
    /// Files that were written by this run.
    pub written: u64,
    /// Rows in these files: those of which the clause's condition holds.
    pub delivered: u64,
    /// The folder with predictions that were not delivered, if some were not.
    pub rejected: Option<PathBuf>,
    /// Why they were not, or why nothing was scored.
    pub failure: Option<RunError>,
}

impl ScoringReport {
    /// Tells what is delivered.
    ///
    /// # Errors
    /// What is known of predictions cannot be read.
    pub(crate) fn tell(&mut self, ledger: &Ledger, scores: &Scores) -> Result<(), RunError> {
        self.versions.clear();
        let mut whole = no_predictions();
        for entry in &ledger.entries {
            *self.versions.entry(entry.version).or_default() += entry.predicted;
            whole.merge(&known(scores, &entry.part)?)?;
        }
        self.predictions = whole.report().columns.pop().unwrap_or_default();
        self.files = ledger.files.len() as u64;
        self.delivered = ledger.files.iter().map(|file| file.rows).sum();
        Ok(())
    }

    /// Tells what predictions are like that were not delivered.
    ///
    /// # Errors
    /// What is known of predictions cannot be read.
    pub(crate) fn tell_rejected(&mut self, entries: &[Entry], scores: &Scores) -> Result<(), RunError> {
        let mut whole = no_predictions();
        for entry in entries {
            whole.merge(&known(scores, &entry.part)?)?;
        }
        self.predictions = whole.report().columns.pop().unwrap_or_default();
        Ok(())
    }
}

/// How many rows predictions are of, and how many of these have one. What they are like is kept beside them.
///
/// # Errors
/// They cannot be read.
pub(crate) async fn measure(dataflow: &Dataflow, scores: &Scores, part: &str) -> Result<(u64, u64), RunError> {
    let profile = match known(scores, part) {
        Ok(profile) => profile,
        Err(_) => {
            let profile = dataflow.profile_of_predictions(&file_of(scores, part)).await?;
            keep(scores, part, &profile)?;
            profile
        }
    };
    let rows = profile.rows();
    let missing = profile.report().columns.first().and_then(|column| column.nulls).unwrap_or_default();
    Ok((rows, rows.saturating_sub(missing)))
}

fn path_of(scores: &Scores, part: &str) -> PathBuf {
    scores.file(PREDICTIONS).join(format!("{part}.profile"))
}

fn keep(scores: &Scores, part: &str, profile: &Profile) -> Result<(), RunError> {
    let path = path_of(scores, part);
    let beside = path.with_extension("new");
    let kept = fs::write(&beside, profile.write()).and_then(|()| fs::rename(&beside, &path));
    kept.map_err(|error| unusable(&path, &error))
}

fn known(scores: &Scores, part: &str) -> Result<Profile, RunError> {
    let path = path_of(scores, part);
    let bytes = fs::read(&path).map_err(|error| unusable(&path, &error))?;
    Ok(Profile::read(&bytes)?)
}

fn unusable(path: &std::path::Path, error: &std::io::Error) -> RunError {
    let help = "check that the folder may be written and that there is space on the disk";
    RunError::new("E0911", format!("cannot use `{}`: {error}", path.display()), Some(help))
}
