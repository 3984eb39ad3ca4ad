//! The trials of a search so far, and the best model among them.

use std::collections::BTreeMap;

use mlsys_collective::Group;
use mlsys_plan::{Train, Tune, Value};
use mlsys_training::{TrainEvent, TrialReport};

use super::halving::Halving;
use super::kept::{Kept, KeptTrial};
use super::side_by_side::Ended;
use super::{Planned, Tried};
use crate::data::Data;
use crate::error::TrainError;
use crate::fit::Fitted;
use crate::judging::Judge;
use crate::stopping::improves;
use crate::together::heard;

/// The trials so far.
pub(super) struct Trials<'a> {
    tune: &'a Tune,
    data: &'a Data,
    group: &'a Group,
    judges: Judge,
    pub(super) halving: Halving<'a>,
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
    pub(super) fn new(train: &Train, tune: &'a Tune, data: &'a Data, kept: Option<Kept>, group: &'a Group) -> Self {
        Trials {
            tune,
            data,
            group,
            judges: Judge::of(train),
            halving: Halving::of(tune, train.training.epochs),
            kept,
            tried: Vec::new(),
            reports: Vec::new(),
            best: None,
            failure: None,
        }
    }

    /// Those of some points that have to be trained: not those that were tried before, since the same values give the same
    /// model, nor those that were kept when the search was cut off.
    pub(super) fn new_ones<'p>(&self, batch: &'p [Planned]) -> Vec<&'p Planned> {
        let is_new = |(place, planned): &(usize, &Planned)| {
            let before = self.tried.iter().map(|tried| &tried.point);
            let mut before = before.chain(batch[..*place].iter().map(|earlier| &earlier.point));
            before.all(|point| *point != planned.point) && self.found(planned).is_none()
        };
        batch.iter().enumerate().filter(is_new).map(|(_, planned)| planned).collect()
    }

    fn found(&self, planned: &Planned) -> Option<&KeptTrial> {
        self.kept.as_ref()?.find(planned.trial, &planned.point)
    }

    /// Judges a point, if it has been trained, and notes what came of it.
    pub(super) fn note(&mut self, planned: Planned, ended: Option<Ended>) -> Result<(), TrainError> {
        let before = self.tried.iter().position(|tried| tried.point == planned.point);
        let report = match (ended, before) {
            (Some(ended), _) => self.judge(&planned, ended)?,
            (None, Some(place)) => TrialReport { trial: planned.trial, seconds: 0.0, ..self.reports[place].clone() },
            (None, None) => match self.found(&planned).cloned() {
                Some(kept) => self.take_up(&kept)?,
                None => return Err(TrainError::Unsupported("a trial was not trained".to_owned())),
            },
        };
        let loss = report.score.map(|score| if self.tune.maximize { -score } else { score });
        self.tried.push(Tried { point: planned.point, loss });
        self.reports.push(report);
        Ok(())
    }

    /// A trial that was judged before the search was cut off.
    fn take_up(&mut self, trial: &KeptTrial) -> Result<TrialReport, TrainError> {
        self.halving.note(&trial.epochs);
        if let (Some(fitted), Some(score)) = (self.kept.as_ref().and_then(|kept| kept.model(trial)), trial.report.score)
        {
            self.best = Some(Best { trial: trial.report.trial, score, fitted: fitted? });
        }
        Ok(trial.report.clone())
    }

    fn judge(&mut self, planned: &Planned, ended: Ended) -> Result<TrialReport, TrainError> {
        let names = self.tune.space.iter().map(|dimension| dimension.name.clone());
        let values: BTreeMap<String, Value> = names.zip(planned.values.clone()).collect();
        let mut report = TrialReport { seconds: ended.seconds, ..blank(planned.trial, values) };
        let scored = |fitted: Fitted| Ok((heard(self.group, || self.score(&fitted))?, fitted));
        let fitted = match ended.fitted.and_then(scored) {
            Ok((score, fitted)) => {
                self.halving.note(&fitted.epochs);
                report.score = score;
                report.best_epoch = fitted.best_epoch;
                report.ended_after = fitted.ended_after;
                report.failure = report.score.is_none().then(|| undefined(self.tune));
                Some(fitted)
            }
            // What befell one process alone is no trial's failure: the others are still in the trial.
            Err(error) if !self.group.is_alone() && !error.is_everywhere() => return Err(error),
            Err(error) => {
                report.failure = Some(error.to_string());
                self.failure = Some(error);
                None
            }
        };
        self.keep(&report, &planned.point, fitted)?;
        Ok(report)
    }

    /// The search's metric of a model.
    fn score(&self, fitted: &Fitted) -> Result<Option<f64>, TrainError> {
        let part = self.tune.part;
        let predictions = self.data.judged(&fitted.model, part)?;
        let scores = self.judges.scores(fitted.model.head(), &self.data.beside[&part], &predictions)?;
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
