//! The trials of a search so far, and the best model among them.

use std::collections::BTreeMap;
use std::time::Instant;

use mlsys_plan::{Train, Tune, Value};
use mlsys_training::{TrainEvent, TrialReport};

use super::Tried;
use super::halving::Halving;
use super::kept::{Kept, KeptTrial};
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
    halving: Halving<'a>,
    /// Where they are kept, and those that were when the search was cut off.
    kept: Option<Kept>,
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
    pub(super) fn new(train: &Train, tune: &'a Tune, data: &'a Data, kept: Option<Kept>) -> Self {
        Trials {
            tune,
            data,
            judge: Judge::of(train),
            halving: Halving::of(tune, train.training.epochs),
            kept,
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
        fit: impl FnOnce(&Data, &mut Halving<'_>) -> Result<Fitted, TrainError>,
    ) -> Result<(), TrainError> {
        let names = self.tune.space.iter().map(|dimension| dimension.name.clone());
        let values: BTreeMap<String, Value> = names.zip(values).collect();
        let before = self.tried.iter().position(|tried| tried.point == point);
        let report = match before {
            Some(index) => TrialReport { trial, seconds: 0.0, ..self.reports[index].clone() },
            None => match self.kept.as_ref().and_then(|kept| kept.find(trial, &point)).cloned() {
                Some(kept) => self.take_up(&kept)?,
                None => self.train(blank(trial, values), &point, fit)?,
            },
        };
        let loss = report.score.map(|score| if self.tune.maximize { -score } else { score });
        self.tried.push(Tried { point, loss });
        self.reports.push(report);
        Ok(())
    }

    /// A trial that was judged before the search was cut off.
    fn take_up(&mut self, trial: &KeptTrial) -> Result<TrialReport, TrainError> {
        for report in &trial.epochs {
            self.halving.goes_on(report);
        }
        if let (Some(fitted), Some(score)) = (self.kept.as_ref().and_then(|kept| kept.model(trial)), trial.report.score)
        {
            self.best = Some(Best { trial: trial.report.trial, score, fitted: fitted? });
        }
        Ok(trial.report.clone())
    }

    fn train(
        &mut self,
        mut report: TrialReport,
        point: &[f64],
        fit: impl FnOnce(&Data, &mut Halving<'_>) -> Result<Fitted, TrainError>,
    ) -> Result<TrialReport, TrainError> {
        let started = Instant::now();
        let fitted = match fit(self.data, &mut self.halving) {
            Ok(fitted) => {
                report.score = self.score(&fitted)?;
                report.best_epoch = fitted.best_epoch;
                report.ended_after = fitted.ended_after;
                report.failure = report.score.is_none().then(|| undefined(self.tune));
                Some(fitted)
            }
            Err(error) => {
                report.failure = Some(error.to_string());
                self.failure = Some(error);
                None
            }
        };
        report.seconds = started.elapsed().as_secs_f64();
        self.keep(&report, point, fitted)?;
        Ok(report)
    }

    /// The search's metric of a model.
    fn score(&self, fitted: &Fitted) -> Result<Option<f64>, TrainError> {
        let part = self.tune.part;
        let predictions = fitted.model.predict_encoded(&self.data.encoded[&part])?;
        let scores = self.judge.scores(fitted.model.head(), &self.data.beside[&part], &predictions)?;
        Ok(scores.of(&self.tune.metric))
    }

    /// Keeps a trial, and its model if it is better than all before it.
    fn keep(&mut self, report: &TrialReport, point: &[f64], fitted: Option<Fitted>) -> Result<(), TrainError> {
        let epochs = fitted.as_ref().map(|fitted| fitted.epochs.clone()).unwrap_or_default();
        let score = report.score.filter(|score| self.is_best(*score));
        let best = score.zip(fitted).map(|(score, fitted)| Best { trial: report.trial, score, fitted });
        if let Some(kept) = &mut self.kept {
            kept.keep(point, report, epochs, best.as_ref().map(|best| &best.fitted))?;
        }
        self.best = best.or(self.best.take());
        Ok(())
    }

    fn is_best(&self, score: f64) -> bool {
        self.best.as_ref().is_none_or(|best| improves(self.tune.maximize, score, best.score))
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
                let last = self.reports.last().and_then(|report| report.failure.clone());
                let reason = last.unwrap_or_else(|| undefined(self.tune));
                Err(TrainError::NothingToLearn(format!("the search has no best trial: {reason}")))
            }
        }
    }
}

fn undefined(tune: &Tune) -> String {
    format!("`{}.{}` is not defined on these examples", tune.part, tune.metric.name)
}

/// A trial of which nothing is known yet.
fn blank(trial: u32, values: BTreeMap<String, Value>) -> TrialReport {
    TrialReport { trial, values, score: None, best_epoch: 0, ended_after: None, seconds: 0.0, failure: None }
}
