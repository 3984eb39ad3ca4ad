//! A training job: one training, or a search of many.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use mlsys_plan::{Part, Train};
use mlsys_training::{JudgeJob, JudgeReport, PartReport, TrainEvent, TrainJob, TrainReport};

use crate::artefact::Model;
use crate::data::{Data, labels};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::fit::{Fitted, fit};
use crate::{report, search};

/// Does a job: reads, fits, trains, judges, and fills the output folder. `emit` is told about progress.
///
/// With a search, every trial learns from the same encoded examples and starts from the same seed; the model of the
/// best one is kept.
///
/// # Errors
/// The examples cannot be read or learnt from, training fails, or the model cannot be written.
pub fn train(job: &TrainJob, emit: &mut dyn FnMut(&TrainEvent)) -> Result<TrainReport, TrainError> {
    let train = &job.train;
    use_threads(job.threads);
    let examples = Examples::read(&job.examples)?;
    let data = Data::prepare(train, &examples)?;
    let started = Instant::now();
    let (fitted, trials, best_trial) = match &train.tune {
        None => (fit(train, &data, emit)?, Vec::new(), None),
        Some(tune) => {
            let (fitted, trials, best) = search::run(train, tune, &data, emit)?;
            (fitted, trials, Some(best))
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    let Fitted { model, epochs, best_epoch } = fitted;
    let mut parts: BTreeMap<Part, PartReport> = BTreeMap::new();
    for (part, rows) in &data.parts.rows {
        let probabilities = model.predict_encoded(&data.encoded[part])?;
        parts.insert(*part, report::part(train, &examples, rows, &data.labels[part], &probabilities)?);
    }
    let report = TrainReport {
        parts,
        left_out: data.parts.left_out,
        epochs,
        best_epoch,
        parameters: model.parameters(),
        inputs: model.encoders.report(),
        trials,
        best_trial,
        seconds,
    };
    write(job, &model, &report)?;
    emit(&TrainEvent::Done);
    Ok(report)
}

/// Holds a trained model against the examples of another training, and writes a [`JudgeReport`].
///
/// # Errors
/// The examples or the model cannot be read, the examples lack an input of the model, or the report cannot be written.
pub fn judge(job: &JudgeJob, emit: &mut dyn FnMut(&TrainEvent)) -> Result<JudgeReport, TrainError> {
    use_threads(job.threads);
    let model = Model::load(&job.model)?;
    let examples = Examples::read(&job.examples)?;
    let parts = examples.parts()?;
    let report = JudgeReport { parts: judged(&job.train, &model, &examples, &parts.rows)? };
    write_json(&job.output, &report)?;
    emit(&TrainEvent::Done);
    Ok(report)
}

fn judged(
    train: &Train,
    model: &Model,
    examples: &Examples,
    parts: &BTreeMap<Part, Vec<usize>>,
) -> Result<BTreeMap<Part, PartReport>, TrainError> {
    let labels = labels(examples, &examples.parts()?)?;
    let mut judged = BTreeMap::new();
    // What a model has learnt from says nothing about it.
    for (part, rows) in parts.iter().filter(|(part, _)| **part != Part::Train) {
        let probabilities = model.predict(examples, rows)?;
        judged.insert(*part, report::part(train, examples, rows, &labels[part], &probabilities)?);
    }
    Ok(judged)
}

pub(crate) fn use_threads(threads: Option<u32>) {
    if let Some(threads) = threads {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    }
}

fn write(job: &TrainJob, model: &Model, report: &TrainReport) -> Result<(), TrainError> {
    let fail = |reason: String| TrainError::Artefact { path: job.output.clone(), reason };
    fs::create_dir_all(&job.output).map_err(|error| fail(error.to_string()))?;
    model.save(&job.output)?;
    write_json(&job.output.join("report.json"), report)
}

fn write_json(path: &Path, report: &impl serde::Serialize) -> Result<(), TrainError> {
    let fail = |reason: String| TrainError::Artefact { path: path.to_path_buf(), reason };
    let text = serde_json::to_string_pretty(report).map_err(|error| fail(error.to_string()))?;
    fs::write(path, text + "\n").map_err(|error| fail(error.to_string()))
}
