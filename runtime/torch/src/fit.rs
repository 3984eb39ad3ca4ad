//! One training: the loop over epochs, early stopping, and the weights that are kept.

use std::time::{Duration, Instant};

use mlsys_plan::{Metric, Part, StopEarly, Train};
use mlsys_training::{EpochReport, TrainEvent, VersionMetrics};
use tch::nn::Optimizer;
use tch::{Device, Kind, Tensor};

use crate::artefact::Model;
use crate::data::Data;
use crate::error::TrainError;
use crate::losses::{self, Loss};
use crate::{metrics, optimizers};

/// Below so many multiplications a step runs on one thread: others would wait for each other longer than they work, and
/// where the machine is busy by a factor of ten.
const WORTH_THREADS: u64 = 1 << 26;

/// The shortest time between two events about steps.
const BEAT: Duration = Duration::from_millis(200);

/// A trained model and how it came about.
pub(crate) struct Fitted {
    /// The model, with the best epoch's weights.
    pub(crate) model: Model,
    pub(crate) epochs: Vec<EpochReport>,
    /// The epoch whose weights were kept, from 1.
    pub(crate) best_epoch: u32,
}

/// Trains a model on the training part. The same arguments, seed included, give the same model.
pub(crate) fn fit(train: &Train, data: &Data, emit: &mut dyn FnMut(&TrainEvent)) -> Result<Fitted, TrainError> {
    tch::manual_seed(i64::try_from(train.training.seed).unwrap_or(i64::MAX));
    let model = Model::new(train, data.encoders.clone())?;
    let optimizer = optimizers::build(&train.training.optimizer, &model.variables)?;
    let loss = losses::build(train.training.loss.as_ref(), &data.labels[&Part::Train])?;
    let mut session = Session { train, data, model, optimizer, loss };
    let (epochs, best_epoch) = session.run(emit)?;
    Ok(Fitted { model: session.model, epochs, best_epoch })
}

/// A model in training.
struct Session<'a> {
    train: &'a Train,
    data: &'a Data,
    model: Model,
    optimizer: Optimizer,
    loss: Loss,
}

/// The weights to keep, and how good they are.
struct Best {
    epoch: u32,
    score: f64,
    weights: Vec<(String, Tensor)>,
}

impl Session<'_> {
    /// Trains until the last epoch or until the metric stops getting better. The model has the best epoch's weights.
    fn run(&mut self, emit: &mut dyn FnMut(&TrainEvent)) -> Result<(Vec<EpochReport>, u32), TrainError> {
        let settings = &self.train.training;
        let rows = self.data.labels.iter().map(|(part, labels)| (*part, labels.len() as u64)).collect();
        let steps = (self.data.labels[&Part::Train].len() as u64).div_ceil(u64::from(settings.batch));
        let parameters = self.model.parameters();
        emit(&TrainEvent::Ready { rows, parameters, epochs: settings.epochs, steps });
        let started = Instant::now();
        let mut reports: Vec<EpochReport> = Vec::new();
        let mut best: Option<Best> = None;
        let all_threads = tch::get_num_threads();
        let is_small = parameters * u64::from(settings.batch) < WORTH_THREADS;
        for epoch in 1..=settings.epochs {
            tch::set_num_threads(if is_small { 1 } else { all_threads });
            let loss = self.epoch(epoch, emit);
            tch::set_num_threads(all_threads);
            let loss = loss?;
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
    fn epoch(&mut self, epoch: u32, emit: &mut dyn FnMut(&TrainEvent)) -> Result<f64, TrainError> {
        let rows = self.data.targets.size()[0];
        let batch = i64::from(self.train.training.batch);
        let order = Tensor::f_randperm(rows, (Kind::Int64, Device::Cpu))?;
        let mut total = 0.0;
        let mut beat = Instant::now();
        for (step, start) in (1_u64..).zip((0..rows).step_by(usize::try_from(batch).unwrap_or(1))) {
            total += self.step(&order.narrow(0, start, batch.min(rows - start)))?;
            if beat.elapsed() >= BEAT {
                emit(&TrainEvent::Step { epoch, step });
                beat = Instant::now();
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
        let rows = rows.max(1) as f64;
        Ok(total / rows)
    }

    /// One step on the chosen rows; the sum of their losses.
    fn step(&mut self, chosen: &Tensor) -> Result<f64, TrainError> {
        let examples = self.data.encoded[&Part::Train].select(chosen);
        let logits = self.model.network.forward(&examples, true);
        let loss = self.loss.of(&logits, &self.data.targets.index_select(0, chosen))?;
        match self.clip() {
            Some(norm) => self.optimizer.backward_step_clip_norm(&loss, norm),
            None => self.optimizer.backward_step(&loss),
        }
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        let weight = chosen.size()[0] as f64;
        Ok(f64::try_from(&loss)? * weight)
    }

    /// The norm above which gradients are scaled down.
    fn clip(&self) -> Option<f64> {
        self.train.training.settings.iter().find(|setting| setting.name == "clip")?.float("value")
    }

    fn validate(&self) -> Result<VersionMetrics, TrainError> {
        let labels = &self.data.labels[&Part::Validate];
        if labels.is_empty() {
            return Ok(VersionMetrics::new());
        }
        let probabilities = self.model.predict_encoded(&self.data.encoded[&Part::Validate])?;
        Ok(metrics::metrics(labels, &probabilities))
    }

    /// Notes the epoch if it is the best so far; whether there have been enough worse ones since.
    fn enough(&self, stop: &StopEarly, report: &EpochReport, best: &mut Option<Best>) -> bool {
        // A metric that is not defined on the validation part cannot stop anything.
        let Some(metric) = Metric::by_name(&stop.metric.name) else { return false };
        let Some(&score) = report.validate.get(&metric) else { return false };
        let better = best.as_ref().is_none_or(|best| improves(metric.larger_is_better(), score, best.score));
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

/// Whether a score is better than another one.
pub(crate) fn improves(larger_is_better: bool, score: f64, best: f64) -> bool {
    if larger_is_better { score > best } else { score < best }
}
