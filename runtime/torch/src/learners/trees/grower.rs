//! Trees in the making: a round at a time, with what they say of both parts so far.

use mlsys_lightgbm::{Booster, Dataset, Library, Matrix, Parameters};
use mlsys_plan::{Part, Train};
use mlsys_training::{EpochReport, Scores};
use tch::Tensor;

use super::{NEXT, cells, objective, width};
use crate::chance::FLOAT;
use crate::data::Data;
use crate::error::TrainError;
use crate::heads::Head;
use crate::judging::Judge;
use crate::losses::{self, Learnt, Loss};
use crate::settings::Settings;
use crate::sizes::dimension;

/// The most leaves of a tree.
const MOST_LEAVES: u64 = 4096;

/// Boosters that grow.
pub(super) struct Grower<'a> {
    data: &'a Data,
    boosters: Vec<Booster>,
    judge: Judge,
    loss: Loss,
    train: Seen,
    validate: Seen,
    rounds: usize,
}

/// A part with the outputs of all rounds so far.
struct Seen {
    cells: Vec<f32>,
    width: usize,
    /// For each booster, `rows × classes`.
    outputs: Vec<Vec<f64>>,
}

impl<'a> Grower<'a> {
    pub(super) fn new(train: &Train, data: &'a Data) -> Result<Self, TrainError> {
        let settings = Settings::of(train)?;
        let labels = data.labels(Part::Train);
        let seen = Seen::of(data, Part::Train)?;
        let weights = objective::weights(train, labels, settings.balanced)?;
        let ordered = data.beside[&Part::Train].groups.as_ref().map(|groups| Ordered::of(groups));
        let targets = Vec::<f32>::try_from(data.targets.to_kind(FLOAT))?;
        let categories = data.encoders.columns_of("code");
        let mut boosters = Vec::new();
        for objective in objective::objectives(train, &data.head) {
            let mut parameters = parameters(train);
            objective.put_into(&mut parameters);
            let rows = Rows { seen: &seen, targets: &targets, weights: weights.as_deref(), categories: &categories };
            boosters.push(booster(&rows, ranked(data, ordered.as_ref()), &parameters)?);
        }
        // Lists of rows that are ranked have a loss of their own, which is none of single rows: grades are shown by that of
        // single ones.
        let loss = losses::build(None, &Learnt { head: &data.head, labels })?;
        let validate = Seen::of(data, Part::Validate)?;
        Ok(Grower { data, boosters, judge: Judge::of(train), loss, train: seen, validate, rounds: 0 })
    }

    /// Grows a round; false if there is nothing left to gain.
    pub(super) fn step(&mut self) -> Result<bool, TrainError> {
        let mut gains = false;
        for booster in &mut self.boosters {
            gains |= booster.step()?;
        }
        self.train.add(&self.boosters, self.rounds)?;
        self.validate.add(&self.boosters, self.rounds)?;
        self.rounds += 1;
        Ok(gains)
    }

    pub(super) fn report(&self, round: u32, seconds: f64) -> Result<EpochReport, TrainError> {
        let loss = (self.loss)(&self.train.tensor(&self.data.head)?.to_kind(FLOAT), &self.data.targets)?;
        let loss = loss.mean(FLOAT).f_double_value(&[])?;
        if !loss.is_finite() {
            return Err(TrainError::NotANumber { epoch: round });
        }
        Ok(EpochReport { epoch: round, loss, validate: self.validate()?, seconds })
    }

    fn validate(&self) -> Result<Scores, TrainError> {
        let head = &self.data.head;
        let head = if matches!(head, Head::Ranking { .. }) { &Head::Ranking { graded: true } } else { head };
        let predictions = head.predictions(&self.validate.tensor(head)?)?;
        self.judge.scores(head, &self.data.beside[&Part::Validate], &predictions)
    }

    /// The trees of the first rounds as text.
    pub(super) fn text(&self, rounds: u32) -> Result<String, TrainError> {
        let rounds = usize::try_from(rounds).ok();
        let texts = self.boosters.iter().map(|booster| booster.to_text(rounds)).collect::<Result<Vec<_>, _>>()?;
        Ok(texts.join(NEXT))
    }
}

impl Seen {
    fn of(data: &Data, part: Part) -> Result<Self, TrainError> {
        let rows = &data.encoded[&part];
        Ok(Seen { cells: cells(rows)?, width: width(rows), outputs: Vec::new() })
    }

    /// Adds what one round says.
    fn add(&mut self, boosters: &[Booster], round: usize) -> Result<(), TrainError> {
        let matrix = Matrix::new(&self.cells, self.width)?;
        for (at, booster) in boosters.iter().enumerate() {
            let added = booster.predict(&matrix, round, Some(1))?;
            match self.outputs.get_mut(at) {
                Some(outputs) => outputs.iter_mut().zip(added).for_each(|(output, added)| *output += added),
                None => self.outputs.push(added),
            }
        }
        Ok(())
    }

    /// Outputs as the head has them.
    fn tensor(&self, head: &Head) -> Result<Tensor, TrainError> {
        let classes = head.outputs() / self.outputs.len().max(1);
        let rows = self.cells.len() / self.width.max(1);
        let shape = [rows, classes].map(dimension);
        let columns = self.outputs.iter().map(|outputs| Ok(Tensor::f_from_slice(outputs)?.f_view(shape)?));
        Ok(Tensor::f_cat(&columns.collect::<Result<Vec<Tensor>, TrainError>>()?, 1)?)
    }
}

/// Rows in the order of their groups, and the groups' sizes.
struct Ordered {
    rows: Vec<usize>,
    sizes: Vec<i32>,
}

impl Ordered {
    fn of(groups: &[u64]) -> Self {
        let mut rows: Vec<usize> = (0..groups.len()).collect();
        rows.sort_by_key(|&row| groups[row]);
        let sizes = rows.chunk_by(|left, right| groups[*left] == groups[*right]);
        let sizes = sizes.map(|group| i32::try_from(group.len()).unwrap_or(i32::MAX)).collect();
        Ordered { rows, sizes }
    }
}

/// The order of rows that are ranked together; none where they are not.
fn ranked<'a>(data: &Data, ordered: Option<&'a Ordered>) -> Option<&'a Ordered> {
    ordered.filter(|_| matches!(data.head, Head::Ranking { .. }))
}

/// What trees grow on.
struct Rows<'a> {
    seen: &'a Seen,
    targets: &'a [f32],
    weights: Option<&'a [f32]>,
    /// Columns whose numbers have no order.
    categories: &'a [usize],
}

fn booster(rows: &Rows<'_>, ordered: Option<&Ordered>, parameters: &Parameters) -> Result<Booster, TrainError> {
    let library = Library::open()?;
    library.use_threads(u32::try_from(tch::get_num_threads()).ok())?;
    let arranged = |values: &[f32], width: usize| match ordered {
        Some(ordered) => {
            ordered.rows.iter().flat_map(|row| values[row * width..(row + 1) * width].iter().copied()).collect()
        }
        None => values.to_vec(),
    };
    let cells: Vec<f32> = arranged(&rows.seen.cells, rows.seen.width);
    let matrix = Matrix::new(&cells, rows.seen.width)?;
    let mut dataset = Dataset::new(library, &matrix, rows.categories, parameters)?;
    dataset.label(&arranged(rows.targets, 1))?;
    if let Some(weights) = rows.weights {
        dataset.weight(&arranged(weights, 1))?;
    }
    if let Some(ordered) = ordered {
        dataset.groups(&ordered.sizes)?;
    }
    Ok(Booster::new(dataset, parameters)?)
}

/// The learner's arguments in LightGBM's words. A tree has as many leaves as its depth allows.
fn parameters(train: &Train) -> Parameters {
    let mut parameters = Parameters::new(train.training.seed);
    let call = &train.learner;
    let depth = call.int("depth").unwrap_or(6);
    let leaves = 1_u64.checked_shl(u32::try_from(depth).unwrap_or(u32::MAX)).unwrap_or(MOST_LEAVES).min(MOST_LEAVES);
    parameters.set("max_depth", depth);
    parameters.set("num_leaves", leaves.max(2));
    parameters.set("learning_rate", call.float("lr").unwrap_or(0.1));
    parameters.set("min_data_in_leaf", call.int("min_rows").unwrap_or(20));
    parameters
}
