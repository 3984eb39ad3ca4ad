//! One training of a network: the loop over epochs, early stopping, checkpoints, and the weights that are kept.

mod checkpoint;
mod crew;
mod given;
mod kept;
mod replica;
mod weights;

use std::sync::Arc;
use std::time::{Duration, Instant};

use mlsys_collective::Group;
use mlsys_plan::{Part, Train};
use mlsys_training::{EpochReport, Scores, TrainEvent};
use tch::Tensor;

pub(crate) use checkpoint::Keeper;
pub(crate) use weights::Weights;

use crate::artefact::Model;
use crate::chance;
use crate::data::Data;
use crate::error::TrainError;
use crate::judging::Judge;
use crate::losses::{self, Learnt, Loss, classes};
use crate::optimizers::{self, Optimizer};
use crate::schedules::Schedule;
use crate::settings::Settings;
use crate::stopping::Stopping;
use crate::together;
use checkpoint::{Found, Position};
use crew::Crew;
use kept::Kept;
use replica::Original;

/// Below so many multiplications a step that is one share runs on one thread: others would wait for each other longer than
/// they work, and where the machine is busy by a factor of ten.
const WORTH_THREADS: u64 = 1 << 26;

/// The shortest time between two events about steps.
const BEAT: Duration = Duration::from_millis(200);

/// What a checkpoint calls the weights as they are, and those of the best epoch.
const WEIGHTS: &str = "weights";
const BEST: &str = "best";

/// What chance is drawn for: the first number of its place after the seed.
const ORDER: u64 = 1;
const STEP: u64 = 2;

/// A trained model and how it came about.
pub(crate) struct Fitted {
    /// The model, with the best epoch's weights.
    pub(crate) model: Model,
    pub(crate) epochs: Vec<EpochReport>,
    /// The epoch whose weights were kept, from 1.
    pub(crate) best_epoch: u32,
    /// Rows that were learnt from, each as often as it was, per second.
    pub(crate) rows_per_second: Option<f64>,
    /// The epoch after which it was ended from outside; none if it was not.
    pub(crate) ended_after: Option<u32>,
}

/// What watches a training: told about progress, asked after each epoch, and keeper of checkpoints.
pub(crate) struct Watch<'a> {
    pub(crate) emit: &'a mut dyn FnMut(&TrainEvent),
    /// Whether training goes on after an epoch.
    pub(crate) go_on: &'a mut dyn FnMut(&EpochReport) -> bool,
    /// Who keeps checkpoints: rank 0 of the group, if there is a place for them.
    pub(crate) keeper: Option<Keeper>,
    /// The processes that train together.
    pub(crate) group: &'a Group,
}

/// Trains a network on the training part. The same arguments, seed included, give the same model.
pub(crate) fn fit(train: &Train, data: &Data, watch: &mut Watch<'_>) -> Result<Fitted, TrainError> {
    let (group, found) = (watch.group, watch.keeper.as_ref().and_then(Keeper::find));
    match chance::with_libtorch(train.training.seed, || Begun::of(train, data, group, found.as_ref()))? {
        Begun::Training(session) => session.run(watch, found),
        Begun::Given(model, loss) => given::judged(train, data, *model, &loss, watch),
    }
}

/// What a training begins with.
enum Begun<'a> {
    Training(Box<Session<'a>>),
    /// A network of which nothing is learnt, and the loss that it is held against the examples with.
    Given(Box<Model>, Loss),
}

impl<'a> Begun<'a> {
    /// A network before its first step, or with the weights of a checkpoint.
    fn of(train: &'a Train, data: &'a Data, group: &'a Group, found: Option<&Found>) -> Result<Self, TrainError> {
        let settings = Settings::of(train)?.on_rank(group.local_rank());
        let mut model = Model::network(train, data, settings.device)?;
        if let Some(kept) = found.and_then(|found| Kept::find(&found.tensors, WEIGHTS, settings.device)) {
            kept.put_into(&mut model, settings.device)?;
        }
        let labels = data.labels(Part::Train);
        let loss = losses::build(train.training.loss.as_ref(), &Learnt { head: &data.head, labels })?;
        if model.weights()?.count() == 0 {
            return Ok(Begun::Given(Box::new(model), loss));
        }
        let optimizer = optimizers::build(&train.training.optimizer, &model.weights()?.flat)?;
        let rows = labels.len();
        let batch = usize::try_from(train.training.batch).unwrap_or(usize::MAX).min(rows).max(1);
        let threads = usize::try_from(tch::get_num_threads()).unwrap_or(1);
        let original = Original {
            learner: &train.learner,
            encoders: &data.encoders,
            outputs: data.head.outputs(),
            weights: model.weights()?,
            loss: &Arc::new(loss),
            device: settings.device,
            kind: settings.kind,
            module: model.module(),
        };
        let crew = Crew::new(&original, &data.encoded[&Part::Train], &data.targets, batch, threads, group)?;
        let schedule = Schedule::of(settings.schedule.as_ref())?;
        let judge = Judge::of(train);
        Ok(Begun::Training(Box::new(Session {
            train,
            data,
            settings,
            model,
            optimizer,
            crew,
            schedule,
            judge,
            batch,
            at: Position::first(),
            stopping: Stopping::of(train),
            best: None,
            group,
            began: Instant::now(),
        })))
    }
}

/// A network in training.
struct Session<'a> {
    train: &'a Train,
    data: &'a Data,
    settings: Settings,
    model: Model,
    optimizer: Box<dyn Optimizer>,
    crew: Crew,
    schedule: Schedule,
    judge: Judge,
    /// Rows of a step.
    batch: usize,
    at: Position,
    stopping: Stopping<'a>,
    /// The best epoch's weights.
    best: Option<Kept>,
    group: &'a Group,
    began: Instant,
}

impl Session<'_> {
    /// Trains until the last epoch or until the metric stops getting better. The model has the best epoch's weights.
    fn run(mut self, watch: &mut Watch<'_>, found: Option<Found>) -> Result<Fitted, TrainError> {
        let parts = self.data.beside.iter();
        let rows = parts.map(|(part, beside)| (*part, beside.labels.len() as u64)).collect();
        let (epochs, steps, parameters) = (self.train.training.epochs, self.steps(), self.model.parameters());
        if let Some(found) = found {
            self.take_up(found)?;
        }
        self.begin_together()?;
        // Whoever ends trainings that are worse than others hears of the epochs that are done, too.
        for report in &self.at.reports {
            let _ = (watch.go_on)(report);
        }
        (watch.emit)(&TrainEvent::Ready { rows, parameters, epochs, steps });
        self.began = Instant::now();
        let (before, mut ended_after) = (self.at.steps, None);
        while self.at.epoch <= epochs {
            self.epoch(watch)?;
            let report = self.report()?;
            (watch.emit)(&TrainEvent::Epoch(report.clone()));
            self.note(&report)?;
            self.follow()?;
            let done = self.stopping.is_enough(report.epoch);
            let goes_on = (watch.go_on)(&report);
            self.at.reports.push(report);
            if done {
                break;
            }
            if !goes_on {
                ended_after = Some(self.at.epoch).filter(|epoch| *epoch < epochs);
                break;
            }
            self.at.next_epoch();
        }
        let rows_per_second = self.rate(before);
        if let Some(keeper) = &watch.keeper {
            keeper.forget();
        }
        let best_epoch = self.stopping.best_epoch(&self.at.reports);
        if let Some(best) = &self.best {
            best.put_into(&mut self.model, self.settings.device)?;
        }
        Ok(Fitted { model: self.model, epochs: self.at.reports, best_epoch, rows_per_second, ended_after })
    }

    /// Steps of an epoch.
    fn steps(&self) -> u64 {
        self.data.labels(Part::Train).len().div_ceil(self.batch) as u64
    }

    /// The rest of the pass over the training part, in an order by chance.
    fn epoch(&mut self, watch: &mut Watch<'_>) -> Result<(), TrainError> {
        let seed = self.train.training.seed;
        let place = [seed, ORDER, u64::from(self.at.epoch)];
        let labels = self.data.labels(Part::Train);
        let order = if self.settings.balanced {
            let classes: Vec<u32> = classes(labels).into_iter().map(|class| class as u32).collect();
            chance::balanced(&classes, &place)
        } else {
            chance::order(labels.len(), &place)
        };
        let threads = tch::get_num_threads();
        let work = self.model.parameters().saturating_mul(self.batch as u64);
        // Products of a module are divided among threads nowhere: their last bits would depend on how many there are.
        let alone = work < WORTH_THREADS || self.model.module().is_some();
        tch::set_num_threads(if alone { 1 } else { threads });
        let done = self.steps_of(&order, watch);
        tch::set_num_threads(threads);
        done
    }

    fn steps_of(&mut self, order: &[i64], watch: &mut Watch<'_>) -> Result<(), TrainError> {
        let mut beat = Instant::now();
        let first = usize::try_from(self.at.step).unwrap_or(usize::MAX);
        for rows in order.chunks(self.batch).skip(first) {
            self.step(rows)?;
            // What comes after is worth nothing, and no checkpoint may hold it.
            if !self.at.loss.is_finite() {
                return Err(TrainError::NotANumber { epoch: self.at.epoch });
            }
            if beat.elapsed() >= BEAT {
                (watch.emit)(&TrainEvent::Step { epoch: self.at.epoch, step: self.at.step });
                beat = Instant::now();
            }
            if let Some(keeper) = watch.keeper.as_mut().filter(|keeper| keeper.is_due()) {
                let tensors = self.tensors()?;
                keeper.keep(&self.at, self.seconds(), tensors)?;
            }
        }
        Ok(())
    }

    fn step(&mut self, rows: &[i64]) -> Result<(), TrainError> {
        let place = [self.train.training.seed, STEP, self.at.steps];
        let (mut gradient, loss) = self.crew.slope(rows, place, self.group)?;
        if let Some(most) = self.settings.clip {
            let norm = gradient.norm().f_double_value(&[])?;
            if norm > most {
                let _ = gradient.f_mul_scalar_(most / (norm + 1e-6))?;
            }
        }
        let all = self.steps() * u64::from(self.train.training.epochs);
        let rate = self.optimizer.rate() * self.schedule.factor(self.at.steps, all);
        let (weights, optimizer) = (self.model.weights_mut()?, &mut self.optimizer);
        tch::no_grad(|| optimizer.step(&mut weights.flat, &gradient, rate))?;
        self.crew.renew(weights)?;
        self.at.step += 1;
        self.at.steps += 1;
        self.at.loss += loss;
        Ok(())
    }

    /// What came of an epoch: rank 0 judges, and what follows from it, follows everywhere.
    fn report(&self) -> Result<EpochReport, TrainError> {
        let rows = self.data.labels(Part::Train).len();
        #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
        let loss = self.at.loss / rows.max(1) as f64;
        together::heard(self.group, || {
            Ok(EpochReport { epoch: self.at.epoch, loss, validate: self.validate()?, seconds: self.seconds() })
        })
    }

    fn validate(&self) -> Result<Scores, TrainError> {
        let predictions = self.data.judged(&self.model, Part::Validate)?;
        self.judge.scores(&self.data.head, &self.data.beside[&Part::Validate], &predictions)
    }

    /// Keeps the weights of the best epoch so far.
    fn note(&mut self, report: &EpochReport) -> Result<(), TrainError> {
        if self.stopping.note(report) {
            self.at.best = self.stopping.best();
            self.best = Some(Kept::of(&self.model)?);
        }
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.at.seconds + self.began.elapsed().as_secs_f64()
    }

    /// Rows per second since it was taken up.
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
    fn rate(&self, before: u64) -> Option<f64> {
        let per_step = self.data.labels(Part::Train).len() as f64 / self.steps().max(1) as f64;
        let rows = (self.at.steps - before) as f64 * per_step;
        (rows > 0.0).then(|| rows / self.began.elapsed().as_secs_f64())
    }

    /// Everything that a checkpoint holds besides the position.
    fn tensors(&self) -> Result<Vec<(String, Tensor)>, TrainError> {
        let mut tensors = Kept::of(&self.model)?.named(WEIGHTS);
        tensors.extend(self.best.iter().flat_map(|best| best.named(BEST)));
        let memory = self.optimizer.memory().into_iter();
        tensors.extend(memory.map(|(name, tensor)| (format!("optimizer.{name}"), tensor.to_device(tch::Device::Cpu))));
        Ok(tensors)
    }

    /// All processes begin where rank 0 does: with its first weights, or at its checkpoint.
    fn begin_together(&mut self) -> Result<(), TrainError> {
        if self.group.is_alone() {
            return Ok(());
        }
        let position = together::heard(self.group, || Ok(self.at.clone()))?;
        let tensors = together::tensors(self.group, self.tensors()?)?;
        if self.group.leads() {
            return Ok(());
        }
        if let Some(kept) = Kept::find(&tensors, WEIGHTS, self.settings.device) {
            kept.put_into(&mut self.model, self.settings.device)?;
        }
        self.crew.renew(self.model.weights()?)?;
        self.take_up(Found { position, tensors })
    }

    /// Weights are those of rank 0 after each epoch: machines of different kinds may round in different ways.
    fn follow(&mut self) -> Result<(), TrainError> {
        if self.group.is_alone() {
            return Ok(());
        }
        let weights = vec![("weights".to_owned(), self.model.weights()?.flat.to_device(tch::Device::Cpu))];
        for (_, weights) in together::tensors(self.group, weights)? {
            self.model.weights_mut()?.set(&weights)?;
        }
        self.crew.renew(self.model.weights()?)
    }

    /// Goes on where a checkpoint was kept, whose weights the model has.
    fn take_up(&mut self, found: Found) -> Result<(), TrainError> {
        self.best = Kept::find(&found.tensors, BEST, self.settings.device);
        let named = found.tensors.into_iter();
        let memory = named.filter_map(|(name, tensor)| Some((name.strip_prefix("optimizer.")?.to_owned(), tensor)));
        self.optimizer.remember(&memory.collect::<Vec<_>>());
        self.stopping.set_best(found.position.best);
        self.at = found.position;
        Ok(())
    }
}
