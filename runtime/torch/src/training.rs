//! A training job: one training, or a search of many.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use mlsys_collective::Group;
use mlsys_plan::{Part, Train, columns};
use mlsys_training::{JudgeJob, JudgeReport, PartReport, TrainEvent, TrainJob, TrainReport};

use crate::artefact::Model;
use crate::beside::Beside;
use crate::calibration;
use crate::candidates::{self, Candidates};
use crate::data::Data;
use crate::error::TrainError;
use crate::examples::Examples;
use crate::fit::{Fitted, Keeper, Watch};
use crate::folds::Folds;
use crate::heads::Head;
use crate::importance::importance;
use crate::judging::{Judge, finite, looked_at};
use crate::labels::Labels;
use crate::learners::fit;
use crate::search;
use crate::settings::Settings;
use crate::together;

/// The share of training rows beyond which a row is an alarm.
const ALARM: f64 = 0.999;

/// Does a job: reads, fits, trains, judges, and fills the output folder. `emit` is told about progress.
///
/// With a search, every trial learns from the same encoded examples and starts from the same seed; the model of the
/// best one is kept. Examples in folds are learnt from once for each fold, and once all together.
///
/// # Errors
/// The examples cannot be read or learnt from, training fails, or the model cannot be written.
pub fn train(job: &TrainJob, emit: &mut dyn FnMut(&TrainEvent)) -> Result<TrainReport, TrainError> {
    let lost = || TrainError::Unsupported("a process that is alone reports".to_owned());
    train_in(job, &Group::alone(), emit)?.ok_or_else(lost)
}

/// Does a job together with other processes, which all do the same one: the model is that of one process. Rank 0 alone
/// judges, keeps checkpoints and fills the output folder; others have no report.
///
/// # Errors
/// As [`train`] has them; the examples are others than those of rank 0; or another process fails or is gone.
pub fn train_in(
    job: &TrainJob,
    group: &Group,
    emit: &mut dyn FnMut(&TrainEvent),
) -> Result<Option<TrainReport>, TrainError> {
    let done = work(job, group, emit);
    if let Err(error) = &done {
        group.tell(&error.to_string());
    }
    done
}

fn work(job: &TrainJob, group: &Group, emit: &mut dyn FnMut(&TrainEvent)) -> Result<Option<TrainReport>, TrainError> {
    let train = &job.train;
    use_threads(job.threads);
    let examples = Examples::read(&job.examples)?;
    let done = match Folds::of(train, &examples)? {
        Some(folds) => folds.train(job, &examples, group, emit)?,
        None => by_parts(job, &examples, group, emit)?,
    };
    let Some((model, report)) = done else { return Ok(None) };
    write(job, &model, &report)?;
    emit(&TrainEvent::Done);
    Ok(Some(report))
}

/// A training on examples in parts; rank 0 alone has a report.
fn by_parts(
    job: &TrainJob,
    examples: &Examples,
    group: &Group,
    emit: &mut dyn FnMut(&TrainEvent),
) -> Result<Option<(Model, TrainReport)>, TrainError> {
    let train = &job.train;
    let data = Data::prepare(job, examples)?;
    together::agree(group, train, &data)?;
    let started = Instant::now();
    let (fitted, trials, best_trial) = match &train.tune {
        None => (one(job, &data, group, emit)?, Vec::new(), None),
        Some(tune) => {
            let (fitted, trials, best) = search::run(job, tune, &data, group, emit)?;
            (fitted, trials, Some(best))
        }
    };
    if !group.leads() {
        return Ok(None);
    }
    let seconds = started.elapsed().as_secs_f64();
    let Fitted { mut model, epochs, best_epoch, rows_per_second, .. } = fitted;
    finish(train, &data, &mut model)?;
    let judge = Judge::of(train);
    let mut parts: BTreeMap<Part, PartReport> = BTreeMap::new();
    for (part, beside) in &data.beside {
        if let (Head::Retrieval, Part::Train) = (model.head(), part) {
            // Every row of it against every candidate would take longer than the training, and says nothing.
            parts.insert(*part, Judge::unjudged(beside));
            continue;
        }
        let predictions = data.judged(&model, *part)?;
        parts.insert(*part, judge.part(*part, model.head(), beside, &predictions)?);
    }
    let part = looked_at(&data.beside);
    let report = TrainReport {
        task: train.task,
        parts,
        left_out: data.parts.left_out,
        epochs,
        best_epoch,
        parameters: model.parameters(),
        inputs: model.encoders().report(),
        importance: importance(train, &model, examples, &data.parts.rows[&part], &data.beside[&part])?,
        trials,
        best_trial,
        folds: Vec::new(),
        rows_per_second,
        seconds,
    };
    Ok(Some((model, report)))
}

/// A training without a search.
fn one(job: &TrainJob, data: &Data, group: &Group, emit: &mut dyn FnMut(&TrainEvent)) -> Result<Fitted, TrainError> {
    let keeper = keeper(job, &job.train, "training", group)?;
    fit(&job.train, data, &mut Watch { emit, go_on: &mut |_| true, keeper, group })
}

/// Who keeps checkpoints of a training, if there is a place for them.
pub(crate) fn keeper(job: &TrainJob, train: &Train, name: &str, group: &Group) -> Result<Option<Keeper>, TrainError> {
    let Some(folder) = job.checkpoints.as_ref().filter(|_| group.leads()) else { return Ok(None) };
    let fail = |reason: String| TrainError::Artefact { path: folder.clone(), reason };
    fs::create_dir_all(folder).map_err(|error| fail(error.to_string()))?;
    let every = Settings::of(train)?.checkpoint;
    Ok(Some(Keeper::new(&folder.join(format!("{name}.safetensors")), every, identity(train, job)?)))
}

/// What is trained on what: with other settings or examples, what was kept of a training is of no use.
pub(crate) fn identity(train: &Train, job: &TrainJob) -> Result<String, TrainError> {
    let fail = |error: serde_json::Error| TrainError::Artefact { path: job.output.clone(), reason: error.to_string() };
    serde_json::to_string(&(train, &job.examples)).map_err(fail)
}

/// What is fitted once the weights are found: calibration, and from where on a row is an alarm.
fn finish(train: &Train, data: &Data, model: &mut Model) -> Result<(), TrainError> {
    if let (Some(call), Labels::Truths(labels)) = (&train.calibrate, data.labels(Part::Validate)) {
        if labels.is_empty() {
            let message = "there is no validation part to put probabilities right by: give the split a `validate` part";
            return Err(TrainError::NothingToLearn(message.to_owned()));
        }
        let probabilities = model.uncalibrated(&data.encoded[&Part::Validate])?;
        finite(&probabilities, 1)?;
        model.set_calibration(Some(calibration::fit(call, &probabilities, labels)?));
    }
    if let Head::Anomaly { .. } = model.head() {
        let mut scores = model.predict_encoded(&data.encoded[&Part::Train])?;
        finite(&scores, 1)?;
        scores.sort_by(f64::total_cmp);
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
        let place = ((scores.len() as f64 * ALARM).ceil() as usize).clamp(1, scores.len().max(1)) - 1;
        let threshold = scores.get(place).copied().unwrap_or(f64::MAX);
        model.set_head(Head::Anomaly { threshold });
    }
    Ok(())
}

/// Holds a trained model against the examples of another training, and writes a [`JudgeReport`].
///
/// # Errors
/// The examples or the model cannot be read, the examples lack an input of the model, or the report cannot be written.
pub fn judge(job: &JudgeJob, emit: &mut dyn FnMut(&TrainEvent)) -> Result<JudgeReport, TrainError> {
    use_threads(job.threads);
    let model = Model::load(&job.model)?;
    let examples = Examples::read(&job.examples)?;
    if examples.optional(columns::FOLD).is_some() {
        let message = "examples in folds are all learnt from: nothing is left that a champion could be held against";
        return Err(TrainError::Unsupported(message.to_owned()));
    }
    let report = JudgeReport { parts: judged(&job.train, &model, &examples)? };
    write_json(&job.output, &report)?;
    emit(&TrainEvent::Done);
    Ok(report)
}

fn judged(train: &Train, model: &Model, examples: &Examples) -> Result<BTreeMap<Part, PartReport>, TrainError> {
    let mut parts = examples.parts(model.head().is_labelled())?;
    let candidates = Candidates::of(model.head(), model.learner(), model.encoders(), examples, &parts)?;
    // What a model has learnt from says nothing about it.
    parts.rows.remove(&Part::Train);
    let beside = Beside::of_parts(train, model.head(), examples, &parts)?;
    let judge = Judge::of(train);
    let mut judged = BTreeMap::new();
    for (part, rows) in &parts.rows {
        let encoded = model.encoders().encode(examples, rows)?;
        let predictions = candidates::judged(candidates.as_ref(), model, &encoded, *part)?;
        judged.insert(*part, judge.part(*part, model.head(), &beside[part], &predictions)?);
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

pub(crate) fn write_json(path: &Path, report: &impl serde::Serialize) -> Result<(), TrainError> {
    let fail = |reason: String| TrainError::Artefact { path: path.to_path_buf(), reason };
    let text = serde_json::to_string_pretty(report).map_err(|error| fail(error.to_string()))?;
    fs::write(path, text + "\n").map_err(|error| fail(error.to_string()))
}
