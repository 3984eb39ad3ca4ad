//! Gradient-boosted trees (Friedman, 2001), grown by LightGBM.

mod grower;
mod objective;

use std::fs;
use std::path::Path;
use std::time::Instant;

use mlsys_lightgbm::{Booster, Library, LightgbmError, Matrix};
use mlsys_plan::{Part, Train};
use mlsys_training::{EpochReport, TrainEvent};
use tch::{Device, Kind, Tensor};

use crate::artefact::Model;
use crate::body::Body;
use crate::data::Data;
use crate::encoders::{Encoded, Form};
use crate::error::TrainError;
use crate::fit::{Fitted, Watch};
use crate::heads::Head;
use crate::sizes::dimension;
use crate::stopping::Stopping;
use grower::Grower;

/// The file with the trees, in LightGBM's own format.
const TREES: &str = "model.txt";

/// Separates the trees of quantiles, which are grown apart.
const NEXT: &str = "\n=== next ===\n";

/// How many times the rounds are told of.
const TOLD: u32 = 20;

/// Trees: one booster, or one for each quantile.
struct Trees {
    boosters: Vec<Booster>,
    text: String,
}

/// Grows trees on the training part, round by round.
pub(super) fn fit(train: &Train, data: &Data, watch: &mut Watch<'_>) -> Result<Fitted, TrainError> {
    check(train, data)?;
    let mut grower = Grower::new(train, data)?;
    let parts = data.beside.iter().map(|(part, beside)| (*part, beside.labels.len() as u64)).collect();
    let rounds = u32::try_from(train.learner.int("rounds").unwrap_or(200)).unwrap_or(u32::MAX);
    (watch.emit)(&TrainEvent::Ready { rows: parts, parameters: 0, epochs: rounds, steps: 1 });
    let began = Instant::now();
    let (mut reports, mut stopping, mut ended_after): (Vec<EpochReport>, _, _) =
        (Vec::new(), Stopping::of(train), None);
    for round in 1..=rounds {
        let is_last = !grower.step()? || round == rounds;
        let report = grower.report(round, began.elapsed().as_secs_f64())?;
        stopping.note(&report);
        if round % rounds.div_ceil(TOLD) == 0 || is_last {
            (watch.emit)(&TrainEvent::Epoch(report.clone()));
        }
        let goes_on = (watch.go_on)(&report);
        reports.push(report);
        if is_last || stopping.is_enough(round) {
            break;
        }
        if !goes_on {
            ended_after = Some(round);
            break;
        }
    }
    let last = reports.last().map_or(0, |report| report.epoch);
    let best_epoch = stopping.best_epoch(&reports);
    #[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
    let seen = f64::from(last) * data.labels(Part::Train).len() as f64;
    let rows_per_second = Some(seen / began.elapsed().as_secs_f64()).filter(|rate| rate.is_finite());
    let text = grower.text(best_epoch)?;
    let mut model = Model::new(train, data, Box::new(Trees::of(text)?));
    if let Head::Ranking { .. } = data.head {
        // What ranks is no probability.
        model.set_head(Head::Ranking { graded: true });
    }
    Ok(Fitted { model, epochs: reports, best_epoch, rows_per_second, ended_after })
}

/// Reads trees from a folder.
pub(super) fn read(folder: &Path) -> Result<Box<dyn Body>, TrainError> {
    let path = folder.join(TREES);
    let text = fs::read_to_string(&path);
    let text = text.map_err(|error| TrainError::Artefact { path: path.clone(), reason: error.to_string() })?;
    match Trees::of(text) {
        Err(LightgbmError::Text(reason)) => Err(TrainError::Artefact { path, reason }),
        trees => Ok(Box::new(trees?)),
    }
}

/// What trees cannot do is told before any work.
fn check(train: &Train, data: &Data) -> Result<(), TrainError> {
    for (input, form) in data.encoders.forms() {
        if !matches!(form, Form::Numbers(..)) {
            let message = format!(
                "`trees` read numbers, and `{input}` is a list or encoded for an embedding: take features of it, or \
                 leave its encoder out"
            );
            return Err(TrainError::Unsupported(message));
        }
    }
    if data.encoders.debias().is_some() {
        let message = "`trees` cannot learn with `debias` yet: make the column an input, or take a network";
        return Err(TrainError::Unsupported(message.to_owned()));
    }
    if train.learner.int("rounds").is_some_and(|rounds| rounds < 1) {
        return Err(TrainError::Unsupported("`trees` grow in one round at least: set `rounds` above 0".to_owned()));
    }
    objective::check(train)
}

impl Trees {
    fn of(text: String) -> Result<Self, LightgbmError> {
        let library = Library::open()?;
        library.use_threads(u32::try_from(tch::get_num_threads()).ok())?;
        let boosters = text.split(NEXT).map(|text| Booster::from_text(library, text));
        Ok(Trees { boosters: boosters.collect::<Result<_, _>>()?, text })
    }
}

impl Body for Trees {
    fn outputs(&self, rows: &Encoded) -> Result<Tensor, TrainError> {
        let cells = cells(rows)?;
        let matrix = Matrix::new(&cells, width(rows))?;
        let mut columns = Vec::new();
        for booster in &self.boosters {
            let outputs = Tensor::f_from_slice(&booster.predict(&matrix, 0, None)?)?;
            columns.push(outputs.f_view([rows.rows(), dimension(booster.classes()?)])?);
        }
        Ok(Tensor::f_cat(&columns, 1)?)
    }

    /// Leaves are what was learnt.
    fn parameters(&self) -> u64 {
        let counts = self.text.lines().filter_map(|line| line.strip_prefix("num_leaves="));
        counts.filter_map(|count| count.trim().parse::<u64>().ok()).sum()
    }

    fn file(&self) -> &'static str {
        TREES
    }

    fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let path = folder.join(TREES);
        fs::write(&path, &self.text).map_err(|error| TrainError::Artefact { path, reason: error.to_string() })
    }
}

/// The numbers of rows, row by row.
fn cells(rows: &Encoded) -> Result<Vec<f32>, TrainError> {
    let numbers = rows.numbers.to_device(Device::Cpu).to_kind(Kind::Float).contiguous();
    Ok(Vec::<f32>::try_from(numbers.view(-1))?)
}

fn width(rows: &Encoded) -> usize {
    usize::try_from(rows.numbers.size()[1]).unwrap_or_default()
}

impl From<LightgbmError> for TrainError {
    fn from(error: LightgbmError) -> Self {
        TrainError::Trees(error.to_string())
    }
}
