//! The trials of a search so far, and the best model among them.

use std::collections::BTreeMap;
use std::time::Instant;

use mlsys_plan::{Train, Tune, Value};
use mlsys_training::{TrainEvent, TrialReport};

use super::Tried;
use crate::data::Data;
use crate::error::TrainError;
use crate::fit::Fitted;
use crate::judging::Judge;
use crate::stopping::improves;

/// The trials so far.
pub(super) struct Trials<'a> {
    tune: &'a Tune,
    data: &'a Data,
    judge: Judge,
    pub(super) tried: Vec<Tried>,
    reports: Vec<TrialReport>,
    best: Option<Best>,
    /// What kept the last failed trial from being judged.
    failure: Option<TrainError>,
}

struct Best {
    trial: u32,
    score: f64,
    fitted: Fitted,
}

impl<'a> Trials<'a> {
    pub(super) fn new(train: &Train, tune: &'a Tune, data: &'a Data) -> Self {
        Trials {
            tune,
            data,
            judge: Judge::of(train),
            tried: Vec::new(),
            reports: Vec::new(),
            best: None,
            failure: None,
        }
    }

    /// Trains and judges a point. One that was tried before is not trained again: the same values give the same model.
    pub(super) fn note(
        &mut self,
        trial: u32,
        point: Vec<f64>,
        values: Vec<Value>,
        fit: impl FnOnce(&Data) -> Result<Fitted, TrainError>,
    ) -> Result<(), TrainError> {
        let names = self.tune.space.iter().map(|dimension| dimension.name.clone());
        let values: BTreeMap<String, Value> = names.zip(values).collect();
        let before = self.tried.iter().position(|tried| tried.point == point);
        let report = match before {
            Some(index) => TrialReport { trial, seconds: 0.0, ..self.reports[index].clone() },
            None => self.train(trial, values, fit)?,
        };
        let loss = report.score.map(|score| if self.tune.maximize { -score } else { score });
        self.tried.push(Tried { point, loss });
        self.reports.push(report);
        Ok(())
    }

    fn train(
        &mut self,
        trial: u32,
        values: BTreeMap<String, Value>,
        fit: impl FnOnce(&Data) -> Result<Fitted, TrainError>,
    ) -> Result<TrialReport, TrainError> {
        let started = Instant::now();
        let mut report = blank(trial, values);
        match fit(self.data) {
            Ok(fitted) => {
                report.score = self.score(&fitted)?;
                report.best_epoch = fitted.best_epoch;
                report.ended_after = fitted.ended_after;
                report.failure = report.score.is_none().then(|| self.undefined());
                self.keep(trial, report.score, fitted);
            }
            Err(error) => {
                report.failure = Some(error.to_string());
                self.failure = Some(error);
            }
        }
        report.seconds = started.elapsed().as_secs_f64();
        Ok(report)
    }

    /// The search's metric of a model.
    fn score(&self, fitted: &Fitted) -> Result<Option<f64>, TrainError> {
        let part = self.tune.part;
        let predictions = self.data.judged(&fitted.model, part)?;
        let scores = self.judge.scores(fitted.model.head(), &self.data.beside[&part], &predictions)?;
        Ok(scores.of(&self.tune.metric))
    }

    fn undefined(&self) -> String {
        format!("`{}.{}` is not defined on these examples", self.tune.part, self.tune.metric.name)
    }

    /// Keeps the model if it is better than all before it.
    fn keep(&mut self, trial: u32, score: Option<f64>, fitted: Fitted) {
        let Some(score) = score else { return };
        if self.best.as_ref().is_none_or(|best| improves(self.tune.maximize, score, best.score)) {
            self.best = Some(Best { trial, score, fitted });
        }
    }

    /// The news of the last trial.
    pub(super) fn event(&self) -> TrainEvent {
        let report = self.reports.last().cloned().unwrap_or_else(|| blank(0, BTreeMap::new()));
        TrainEvent::Trial { report, trials: self.tune.trials, best: self.best.as_ref().map(|best| best.score) }
    }

    /// The best model, all trials, and which is the best.
    pub(super) fn finish(self) -> Result<(Fitted, Vec<TrialReport>, u32), TrainError> {
        match (self.best, self.failure) {
            (Some(best), _) => Ok((best.fitted, self.reports, best.trial)),
            (None, Some(failure)) => Err(failure),
            (None, None) => {
                let message = format!(
                    "the search has no best trial: `{}.{}` is not defined on these examples",
                    self.tune.part, self.tune.metric.name
                );
                Err(TrainError::NothingToLearn(message))
            }
        }
    }
}

/// A trial of which nothing is known yet.
fn blank(trial: u32, values: BTreeMap<String, Value>) -> TrialReport {
    TrialReport { trial, values, score: None, best_epoch: 0, ended_after: None, seconds: 0.0, failure: None }
}
