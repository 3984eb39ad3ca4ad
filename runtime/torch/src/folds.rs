//! Cross-validation (Stone, 1974): each fold is predicted by a model that has learnt from the others, and all of these
//! predictions together judge. The model that is kept has learnt from every example.

use std::collections::BTreeMap;
use std::time::Instant;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use mlsys_collective::Group;
use mlsys_plan::{Part, Train, columns};
use mlsys_training::{FoldReport, PartReport, TrainEvent, TrainJob, TrainReport};

use crate::artefact::Model;
use crate::beside::Beside;
use crate::data::{Data, module};
use crate::error::TrainError;
use crate::examples::{Examples, Parts};
use crate::fit::{Fitted, Watch};
use crate::heads::is_labelled;
use crate::importance::importance;
use crate::judging::Judge;
use crate::learners::fit;
use crate::together::agree;
use crate::training::keeper;

/// Examples in folds.
pub(crate) struct Folds {
    /// The rows that are examples.
    rows: Vec<usize>,
    /// The places of each fold's examples among them.
    members: Vec<Vec<usize>>,
    left_out: u64,
}

/// Predictions of every example by the model that has not seen it.
struct Pool {
    width: usize,
    predictions: Vec<f64>,
}

impl Folds {
    /// The folds that examples are divided into; none where they are divided otherwise.
    ///
    /// # Errors
    /// A fold has no examples.
    pub(crate) fn of(train: &Train, examples: &Examples) -> Result<Option<Self>, TrainError> {
        let Some(column) = examples.optional(columns::FOLD) else { return Ok(None) };
        let Some(column) = column.as_primitive_opt::<Int64Type>() else {
            let reason = "it holds no whole numbers".to_owned();
            return Err(TrainError::Column { name: columns::FOLD.to_owned(), reason });
        };
        let Parts { rows, left_out } = examples.parts(is_labelled(train.task))?;
        let rows: Vec<usize> = rows.into_values().flatten().collect();
        let number = |row: usize| usize::try_from(column.value(row)).unwrap_or_default();
        let count = column.values().iter().max().map_or(0, |last| usize::try_from(*last).unwrap_or_default() + 1);
        let mut members = vec![Vec::new(); count];
        rows.iter().enumerate().for_each(|(place, &row)| members[number(row)].push(place));
        match members.iter().position(Vec::is_empty) {
            Some(empty) => Err(TrainError::NothingToLearn(format!(
                "fold {} of {count} has no examples: {} are too few ({left_out} were left out, because they have no label)",
                empty + 1,
                rows.len()
            ))),
            None if count < 2 => Err(TrainError::NothingToLearn("there are no examples".to_owned())),
            None => Ok(Some(Folds { rows, members, left_out })),
        }
    }

    /// Learns once for each fold, and once from all of them. Of processes that train together rank 0 alone has a report.
    ///
    /// # Errors
    /// As [`crate::train`].
    pub(crate) fn train(
        &self,
        job: &TrainJob,
        examples: &Examples,
        group: &Group,
        emit: &mut dyn FnMut(&TrainEvent),
    ) -> Result<Option<(Model, TrainReport)>, TrainError> {
        let began = Instant::now();
        let train = &job.train;
        let judge = Judge::of(train);
        let all = Data::of(train, examples, self.parts(None), None, module(job)?)?;
        agree(group, train, &all)?;
        let mut pool = Pool { width: all.head.width(), predictions: vec![0.0; self.rows.len() * all.head.width()] };
        let (mut reports, mut looked_at) = (Vec::new(), None);
        for (fold, members) in self.members.iter().enumerate() {
            emit(&TrainEvent::Fold { fold: Some(number(fold)), folds: self.count() });
            let data = self.data(train, examples, fold, &all)?;
            let name = format!("fold-{}", number(fold));
            let fitted = one(job, &data, &name, group, emit)?;
            if !group.leads() {
                continue;
            }
            let (beside, predictions) =
                (&data.beside[&Part::Test], fitted.model.predict_encoded(&data.encoded[&Part::Test])?);
            reports.push(FoldReport {
                fold: number(fold),
                rows: members.len() as u64,
                metrics: judge.scores(&data.head, beside, &predictions)?,
                best_epoch: fitted.best_epoch,
            });
            pool.put(members, &predictions);
            if looked_at.is_none() {
                let rows = &data.parts.rows[&Part::Test];
                looked_at = Some(importance(train, &fitted.model, examples, rows, beside)?);
            }
        }
        emit(&TrainEvent::Fold { fold: None, folds: self.count() });
        let fitted = one(job, &all, "training", group, emit)?;
        if !group.leads() {
            return Ok(None);
        }
        let parts = self.judged(train, examples, &judge, &all, &fitted.model, &pool)?;
        let report = TrainReport {
            task: train.task,
            parts,
            left_out: self.left_out,
            epochs: fitted.epochs,
            best_epoch: fitted.best_epoch,
            parameters: fitted.model.parameters(),
            inputs: fitted.model.encoders().report(),
            importance: looked_at.unwrap_or_default(),
            trials: Vec::new(),
            best_trial: None,
            folds: reports,
            rows_per_second: fitted.rows_per_second,
            seconds: began.elapsed().as_secs_f64(),
        };
        Ok(Some((fitted.model, report)))
    }

    fn count(&self) -> u32 {
        u32::try_from(self.members.len()).unwrap_or(u32::MAX)
    }

    /// The examples without a fold, which is the test part; or all of them.
    fn parts(&self, without: Option<usize>) -> Parts {
        let mut rows: BTreeMap<Part, Vec<usize>> = Part::ALL.into_iter().map(|part| (part, Vec::new())).collect();
        for (fold, members) in self.members.iter().enumerate() {
            let part = if Some(fold) == without { Part::Test } else { Part::Train };
            rows.entry(part).or_default().extend(members.iter().map(|&place| self.rows[place]));
        }
        rows.values_mut().for_each(|rows| rows.sort_unstable());
        Parts { rows, left_out: self.left_out }
    }

    fn data(&self, train: &Train, examples: &Examples, fold: usize, whole: &Data) -> Result<Data, TrainError> {
        let (parts, module) = (self.parts(Some(fold)), whole.module.clone());
        Data::of(train, examples, parts, Some(&whole.head), module).map_err(|error| match error {
            TrainError::NothingToLearn(reason) => {
                TrainError::NothingToLearn(format!("without fold {}, {reason}", number(fold)))
            }
            other => other,
        })
    }

    /// What all folds come to, and how well the model that is kept knows what it has learnt from.
    fn judged(
        &self,
        train: &Train,
        examples: &Examples,
        judge: &Judge,
        all: &Data,
        model: &Model,
        pool: &Pool,
    ) -> Result<BTreeMap<Part, PartReport>, TrainError> {
        let rows = BTreeMap::from([(Part::Test, self.rows.clone())]);
        let unseen = Beside::of_parts(train, &all.head, examples, &Parts { rows, left_out: 0 })?;
        let seen = model.predict_encoded(&all.encoded[&Part::Train])?;
        let test = judge.part(Part::Test, &all.head, &unseen[&Part::Test], &pool.predictions)?;
        let train = judge.part(Part::Train, model.head(), &all.beside[&Part::Train], &seen)?;
        Ok(BTreeMap::from([(Part::Train, train), (Part::Test, test)]))
    }
}

impl Pool {
    fn put(&mut self, members: &[usize], predictions: &[f64]) {
        let width = self.width;
        for (&place, prediction) in members.iter().zip(predictions.chunks(width)) {
            self.predictions[place * width..(place + 1) * width].copy_from_slice(prediction);
        }
    }
}

/// A training on its own, with checkpoints under its own name.
fn one(
    job: &TrainJob,
    data: &Data,
    name: &str,
    group: &Group,
    emit: &mut dyn FnMut(&TrainEvent),
) -> Result<Fitted, TrainError> {
    let keeper = keeper(job, &job.train, name, group)?;
    fit(&job.train, data, &mut Watch { emit, go_on: &mut |_| true, keeper, group })
}

/// Folds are counted from 1 where people see them.
fn number(fold: usize) -> u32 {
    u32::try_from(fold + 1).unwrap_or(u32::MAX)
}
