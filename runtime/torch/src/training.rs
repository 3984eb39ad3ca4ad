//! The training loop.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use mlsys_plan::{EpochReport, Metric, Part, PartReport, StopEarly, TrainEvent, TrainJob, TrainReport, VersionMetrics};
use tch::{Device, Kind, Tensor};

use crate::artefact::Model;
use crate::encoders::{Encoded, Encoders, FLOAT};
use crate::error::TrainError;
use crate::examples::{Examples, Parts};
use crate::{metrics, optimizers, report};

/// The shortest time between two events about steps.
const BEAT: Duration = Duration::from_millis(200);

/// Does a job: reads, fits, trains, judges, and fills the output folder. `emit` is told about progress.
///
/// # Errors
/// The examples cannot be read or learnt from, training fails, or the model cannot be written.
pub fn train(job: &TrainJob, emit: &mut dyn FnMut(&TrainEvent)) -> Result<TrainReport, TrainError> {
    let train = &job.train;
    if let Some(threads) = job.threads {
        tch::set_num_threads(i32::try_from(threads).unwrap_or(i32::MAX));
    }
    tch::manual_seed(i64::try_from(train.training.seed).unwrap_or(i64::MAX));
    let examples = Examples::read(&job.examples)?;
    let parts = examples.parts()?;
    let labels = labels(&examples, &parts)?;
    check(&parts, &labels)?;
    let encoders = Encoders::fit(&train.inputs, train.impute.as_ref(), &examples, &parts.rows[&Part::Train])?;
    let mut session = Session::new(job, &examples, &parts, &labels, encoders)?;
    let started = Instant::now();
    let (epochs, best_epoch) = session.run(emit)?;
    let seconds = started.elapsed().as_secs_f64();

    let mut judged: BTreeMap<Part, PartReport> = BTreeMap::new();
    for (part, rows) in &parts.rows {
        let probabilities = session.model.predict_encoded(&session.encoded[part])?;
        judged.insert(*part, report::part(train, &examples, rows, &labels[part], &probabilities)?);
    }
    let report = TrainReport {
        parts: judged,
        left_out: parts.left_out,
        epochs,
        best_epoch,
        parameters: session.parameters(),
        inputs: session.model.encoders.report(),
        seconds,
    };
    write(job, &session.model, &report)?;
    emit(&TrainEvent::Done);
    Ok(report)
}

fn labels(examples: &Examples, parts: &Parts) -> Result<BTreeMap<Part, Vec<bool>>, TrainError> {
    let labels = examples.labels()?;
    let of = |rows: &Vec<usize>| rows.iter().map(|&row| labels.value(row)).collect();
    Ok(parts.rows.iter().map(|(part, rows)| (*part, of(rows))).collect())
}

/// Examples that nothing can be learnt from are refused before any work.
fn check(parts: &Parts, labels: &BTreeMap<Part, Vec<bool>>) -> Result<(), TrainError> {
    let training = &labels[&Part::Train];
    let positives = training.iter().filter(|label| **label).count();
    let nothing = if training.is_empty() {
        format!(
            "the training part has no examples ({} were left out, because their label was not known in time)",
            parts.left_out
        )
    } else if positives == 0 || positives == training.len() {
        format!("all {} examples of the training part have the same label", training.len())
    } else if labels[&Part::Test].is_empty() {
        "the test part has no examples".to_owned()
    } else {
        return Ok(());
    };
    Err(TrainError::NothingToLearn(nothing))
}

fn write(job: &TrainJob, model: &Model, report: &TrainReport) -> Result<(), TrainError> {
    let fail = |reason: String| TrainError::Artefact { path: job.output.clone(), reason };
    fs::create_dir_all(&job.output).map_err(|error| fail(error.to_string()))?;
    model.save(&job.output)?;
    let text = serde_json::to_string_pretty(report).map_err(|error| fail(error.to_string()))?;
    fs::write(job.output.join("report.json"), text + "\n").map_err(|error| fail(error.to_string()))
}

/// A model in training and its encoded examples.
struct Session<'a> {
    job: &'a TrainJob,
    model: Model,
    encoded: BTreeMap<Part, Encoded>,
    labels: &'a BTreeMap<Part, Vec<bool>>,
    targets: Tensor,
}

/// The weights to keep, and how good they are.
struct Best {
    epoch: u32,
    score: f64,
    weights: Vec<(String, Tensor)>,
}

impl<'a> Session<'a> {
    fn new(
        job: &'a TrainJob,
        examples: &Examples,
        parts: &Parts,
        labels: &'a BTreeMap<Part, Vec<bool>>,
        encoders: Encoders,
    ) -> Result<Self, TrainError> {
        let mut encoded = BTreeMap::new();
        for (part, rows) in &parts.rows {
            encoded.insert(*part, encoders.encode(examples, rows)?);
        }
        let targets: Vec<f32> = labels[&Part::Train].iter().map(|label| f32::from(u8::from(*label))).collect();
        let targets = Tensor::f_from_slice(&targets)?.to_kind(FLOAT);
        Ok(Session { job, model: Model::new(&job.train, encoders)?, encoded, labels, targets })
    }

    fn parameters(&self) -> u64 {
        let trainable = self.model.variables.trainable_variables();
        trainable.iter().map(|variable| variable.numel() as u64).sum()
    }

    /// Trains until the last epoch or until the metric stops getting better. The model has the best epoch's weights.
    fn run(&mut self, emit: &mut dyn FnMut(&TrainEvent)) -> Result<(Vec<EpochReport>, u32), TrainError> {
        let settings = &self.job.train.training;
        let mut optimizer = optimizers::build(&settings.optimizer, &self.model.variables)?;
        let rows = self.labels.iter().map(|(part, labels)| (*part, labels.len() as u64)).collect();
        let steps = (self.labels[&Part::Train].len() as u64).div_ceil(u64::from(settings.batch));
        emit(&TrainEvent::Ready { rows, parameters: self.parameters(), epochs: settings.epochs, steps });
        let started = Instant::now();
        let mut reports: Vec<EpochReport> = Vec::new();
        let mut best: Option<Best> = None;
        for epoch in 1..=settings.epochs {
            let loss = self.epoch(epoch, &mut optimizer, emit)?;
            if !loss.is_finite() {
                return Err(TrainError::NotANumber { epoch });
            }
            let validate = self.validate()?;
            let report = EpochReport { epoch, loss, validate, seconds: started.elapsed().as_secs_f64() };
            emit(&TrainEvent::Epoch(report.clone()));
            let stop = settings.stop_early.as_ref();
            let done = stop.is_some_and(|stop| self.enough(stop, &report, &mut best));
            reports.push(report);
            if done {
                break;
            }
        }
        let last = reports.last().map_or(0, |report| report.epoch);
        match best {
            Some(best) => {
                self.restore(&best)?;
                Ok((reports, best.epoch))
            }
            None => Ok((reports, last)),
        }
    }

    /// One pass over the training part in random order; the mean loss per example.
    fn epoch(
        &self,
        epoch: u32,
        optimizer: &mut tch::nn::Optimizer,
        emit: &mut dyn FnMut(&TrainEvent),
    ) -> Result<f64, TrainError> {
        let rows = self.targets.size()[0];
        let batch = i64::from(self.job.train.training.batch);
        let order = Tensor::f_randperm(rows, (Kind::Int64, Device::Cpu))?;
        let mut total = 0.0;
        let mut beat = Instant::now();
        let examples = &self.encoded[&Part::Train];
        for (step, start) in (1_u64..).zip((0..rows).step_by(usize::try_from(batch).unwrap_or(1))) {
            let chosen = order.narrow(0, start, batch.min(rows - start));
            let logits = self.model.network.forward(&examples.select(&chosen), true);
            let loss = logits.f_binary_cross_entropy_with_logits::<Tensor>(
                &self.targets.index_select(0, &chosen),
                None,
                None,
                tch::Reduction::Mean,
            )?;
            optimizer.backward_step(&loss);
            #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
            let weight = chosen.size()[0] as f64;
            total += f64::try_from(&loss)? * weight;
            if beat.elapsed() >= BEAT {
                emit(&TrainEvent::Step { epoch, step });
                beat = Instant::now();
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
        let rows = rows.max(1) as f64;
        Ok(total / rows)
    }

    fn validate(&self) -> Result<VersionMetrics, TrainError> {
        let labels = &self.labels[&Part::Validate];
        if labels.is_empty() {
            return Ok(VersionMetrics::new());
        }
        let probabilities = self.model.predict_encoded(&self.encoded[&Part::Validate])?;
        Ok(metrics::metrics(labels, &probabilities))
    }

    /// Notes the epoch if it is the best so far; whether there have been enough worse ones since.
    fn enough(&self, stop: &StopEarly, report: &EpochReport, best: &mut Option<Best>) -> bool {
        // A metric that is not defined on the validation part cannot stop anything.
        let Some(&score) = report.validate.get(&stop.metric) else { return false };
        let better = best.as_ref().is_none_or(|best| improves(stop.metric, score, best.score));
        if better {
            let weights = self.model.variables.variables().into_iter();
            let weights = weights.map(|(name, weight)| (name, weight.detach().copy())).collect();
            *best = Some(Best { epoch: report.epoch, score, weights });
        }
        best.as_ref().is_some_and(|best| report.epoch - best.epoch >= stop.patience)
    }

    fn restore(&mut self, best: &Best) -> Result<(), TrainError> {
        let mut variables = self.model.variables.variables();
        for (name, weight) in &best.weights {
            if let Some(variable) = variables.get_mut(name) {
                tch::no_grad(|| variable.f_copy_(weight).map(drop))?;
            }
        }
        Ok(())
    }
}

fn improves(metric: Metric, score: f64, best: f64) -> bool {
    if metric.larger_is_better() { score > best } else { score < best }
}
