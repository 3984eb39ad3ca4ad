//! Ends trials early that are worse than others were at the same time: asynchronous successive halving, in the form that
//! never resumes a trial (Li et al., 2020, section 3).
//!
//! At rungs, epochs that grow by a factor, a trial goes on only if it is among the best share of the trials that were
//! there before, one divided by that factor.

use mlsys_plan::Tune;
use mlsys_training::EpochReport;

/// What trials reached at each rung.
#[derive(Clone)]
pub(super) struct Halving<'a> {
    tune: &'a Tune,
    /// The epoch of each rung, and the losses of the trials that came there; smaller is better.
    rungs: Vec<(u32, Vec<f64>)>,
    reduction: usize,
}

impl<'a> Halving<'a> {
    /// The rungs of a search whose trials have so many epochs; none if it does not end trials.
    pub(super) fn of(tune: &'a Tune, epochs: u32) -> Self {
        let reduction = tune.search.int("reduction").and_then(|value| u32::try_from(value).ok()).unwrap_or(4).max(2);
        let mut rungs = Vec::new();
        let mut epoch = tune.search.int("grace").and_then(|value| u32::try_from(value).ok()).unwrap_or(1).max(1);
        while tune.search.name == "asha" && epoch < epochs {
            rungs.push((epoch, Vec::new()));
            epoch = epoch.saturating_mul(reduction);
        }
        Halving { tune, rungs, reduction: usize::try_from(reduction).unwrap_or(usize::MAX) }
    }

    /// Notes the epochs of a trial that is over.
    pub(super) fn note(&mut self, epochs: &[EpochReport]) {
        for report in epochs {
            let _ = self.goes_on(report);
        }
    }

    /// Whether a trial goes on after an epoch.
    pub(super) fn goes_on(&mut self, report: &EpochReport) -> bool {
        let Some((_, losses)) = self.rungs.iter_mut().find(|(epoch, _)| *epoch == report.epoch) else { return true };
        // A metric that is not defined on the validation part says nothing about a trial.
        let Some(score) = report.validate.of(&self.tune.metric) else { return true };
        let loss = if self.tune.maximize { -score } else { score };
        losses.push(loss);
        let better = losses.iter().filter(|other| **other < loss).count();
        better < losses.len().div_ceil(self.reduction)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mlsys_plan::{Call, Part, Tune, Value};
    use mlsys_training::{EpochReport, Score, Scores};

    use super::Halving;

    fn tune() -> Tune {
        let args = BTreeMap::from([("reduction".to_owned(), Value::Int(3))]);
        Tune {
            trials: 9,
            search: Call { name: "asha".to_owned(), args },
            maximize: true,
            part: Part::Validate,
            metric: Call { name: "auc".to_owned(), args: BTreeMap::new() },
            space: Vec::new(),
        }
    }

    fn report(epoch: u32, auc: f64) -> EpochReport {
        let validate = Scores(vec![Score { metric: "auc".to_owned(), value: auc, interval: None }]);
        EpochReport { epoch, loss: 0.0, validate, seconds: 0.0 }
    }

    #[test]
    fn a_third_goes_on_at_each_rung() {
        let tune = tune();
        let mut halving = Halving::of(&tune, 10);
        let going: Vec<bool> = [0.5, 0.6, 0.4, 0.7, 0.55].map(|auc| halving.goes_on(&report(1, auc))).to_vec();
        assert_eq!(going, [true, true, false, true, false]);
        assert!(halving.goes_on(&report(2, 0.1)), "there is no rung at the second epoch");
        assert!(halving.goes_on(&report(3, 0.1)), "the first to come is the best so far");
        assert!(!halving.goes_on(&report(3, 0.0)));
    }
}
