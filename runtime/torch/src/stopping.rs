//! When training stops before its end: after so many epochs, or rounds, in which a metric did not become better.

use mlsys_plan::{StopEarly, Train};
use mlsys_training::EpochReport;

/// Watches a metric.
#[derive(Clone, Debug)]
pub(crate) struct Stopping<'a> {
    stop: Option<&'a StopEarly>,
    best: Option<(u32, f64)>,
}

impl<'a> Stopping<'a> {
    /// As a training says.
    pub(crate) fn of(train: &'a Train) -> Self {
        Stopping { stop: train.training.stop_early.as_ref(), best: None }
    }

    /// The best epoch so far, and its score.
    pub(crate) fn best(&self) -> Option<(u32, f64)> {
        self.best
    }

    /// The epoch whose model is kept, of those that there were: the best one, or the last one where nothing is watched.
    pub(crate) fn best_epoch(&self, reports: &[EpochReport]) -> u32 {
        let last = reports.last().map_or(0, |report| report.epoch);
        self.best.map_or(last, |(epoch, _)| epoch)
    }

    /// Goes on where a training was cut off.
    pub(crate) fn set_best(&mut self, best: Option<(u32, f64)>) {
        self.best = best;
    }

    /// Notes an epoch; whether it is the best so far.
    pub(crate) fn note(&mut self, report: &EpochReport) -> bool {
        // A metric that is not defined on the validation part says nothing.
        let Some((stop, score)) = self.stop.and_then(|stop| Some((stop, report.validate.of(&stop.metric)?))) else {
            return false;
        };
        let larger = mlsys_metrics::larger_is_better(&stop.metric);
        let is_better = self.best.is_none_or(|(_, best)| improves(larger, score, best));
        if is_better {
            self.best = Some((report.epoch, score));
        }
        is_better
    }

    /// Whether there have been enough epochs since the best one.
    pub(crate) fn is_enough(&self, epoch: u32) -> bool {
        let Some((stop, (best, _))) = self.stop.zip(self.best) else { return false };
        epoch - best >= stop.patience
    }
}

/// Whether a score is better than another one.
pub(crate) fn improves(larger_is_better: bool, score: f64, best: f64) -> bool {
    if larger_is_better { score > best } else { score < best }
}
