//! Trainings, epochs and trials as runs.

use mlsys_training::{EpochReport, TrainReport, TrialReport};
use serde_json::Value;

use super::runs::{Run, RunState};
use super::{COMPLETE, Mlflow, Refusals, figures, limits};
use crate::news::{Came, Ended, Id, Training};
use crate::tracker::Trouble;

impl Mlflow {
    /// A training begins, or goes on.
    pub(super) async fn began(&mut self, training: &Training, refusals: &mut Refusals) -> Result<(), Trouble> {
        let run = self.opened(training).await?;
        if run.is_closed() {
            return Ok(());
        }
        self.describe(&run.id, &training.params, &training.tags, refusals).await
    }

    pub(super) async fn trial_began(&mut self, id: &Id, trial: u32, at: i64) -> Result<(), Trouble> {
        if let Some(parent) = self.run(id).await?.filter(|run| !run.is_closed()) {
            self.trial_run(id, &parent, trial, at).await?;
        }
        Ok(())
    }

    /// Epochs of a training, or of one of its trials; those that the server has are left out.
    pub(super) async fn epochs(
        &mut self,
        id: &Id,
        trial: Option<u32>,
        reports: &[&EpochReport],
        refusals: &mut Refusals,
    ) -> Result<(), Trouble> {
        let Some(parent) = self.run(id).await?.filter(|run| !run.is_closed()) else { return Ok(()) };
        let run = match trial {
            Some(trial) => match parent.trials.get(&trial).filter(|run| run.state == RunState::Open) {
                Some(run) => run.clone(),
                None => return Ok(()),
            },
            None => parent,
        };
        let new: Vec<&EpochReport> =
            reports.iter().filter(|report| !run.epochs.contains(&i64::from(report.epoch))).copied().collect();
        if refusals.note(self.log_epochs(&run, &new).await)?.is_some() {
            self.change(id, |parent| {
                let run = match trial {
                    Some(trial) => parent.trials.get_mut(&trial),
                    None => Some(parent),
                };
                if let Some(run) = run {
                    run.epochs.extend(new.iter().map(|report| i64::from(report.epoch)));
                }
            });
        }
        Ok(())
    }

    /// A trial is over.
    pub(super) async fn trial(
        &mut self,
        id: &Id,
        report: &TrialReport,
        at: i64,
        refusals: &mut Refusals,
    ) -> Result<(), Trouble> {
        let Some(parent) = self.run(id).await?.filter(|run| !run.is_closed()) else { return Ok(()) };
        let began_at = at - figures::milliseconds(report.seconds);
        let run = self.trial_run(id, &parent, report.trial, began_at).await?;
        if run.state != RunState::Open {
            return Ok(());
        }
        let failure = report.failure.iter().map(|failure| ("mlsys.failure".to_owned(), failure.clone()));
        self.describe(&run.id, &figures::params_of_trial(report, ""), &failure.collect::<Vec<_>>(), refusals).await?;
        // The same whenever it is told: the run's own time, and not that of the clock.
        let ended_at = run.began_at + figures::milliseconds(report.seconds);
        refusals.note(self.log_figures(&run.id, &figures::of_trial(report), ended_at).await)?;
        let status = if report.failure.is_some() { "FAILED" } else { "FINISHED" };
        refusals.note(self.close(&run.id, status, ended_at).await)?;
        self.change(id, |parent| {
            if let Some(run) = parent.trials.get_mut(&report.trial) {
                run.state = RunState::Over;
            }
        });
        Ok(())
    }

    /// A training is over: whatever the server does not have of it yet is sent.
    pub(super) async fn ended(&mut self, ended: &Ended, refusals: &mut Refusals) -> Result<(), Trouble> {
        let training = &ended.training;
        let run = self.opened(training).await?;
        if run.is_closed() {
            return Ok(());
        }
        self.describe(&run.id, &training.params, &training.tags, refusals).await?;
        match &ended.came {
            Came::Failed { reason } => {
                let failure = [("mlsys.failure".to_owned(), reason.clone())];
                self.describe(&run.id, &[], &failure, refusals).await?;
                refusals.note(self.close(&run.id, "FAILED", ended.at).await)?;
                self.change(&training.id, |run| run.state = RunState::Over);
            }
            Came::Model { report, folder } => {
                for trial in &report.trials {
                    self.trial(&training.id, trial, ended.at, refusals).await?;
                }
                self.log_report(&training.id, &run, report, refusals).await?;
                self.put_folder(&run, folder, refusals).await?;
                refusals.note(self.close(&run.id, "FINISHED", ended.at).await)?;
                self.log(&run.id, "tags", vec![limits::tag(COMPLETE, "true")]).await?;
                self.change(&training.id, |run| run.state = RunState::Complete);
            }
        }
        Ok(())
    }

    async fn log_report(
        &mut self,
        id: &Id,
        run: &Run,
        report: &TrainReport,
        refusals: &mut Refusals,
    ) -> Result<(), Trouble> {
        self.describe(&run.id, &figures::params_of_report(report), &[], refusals).await?;
        self.epochs(id, None, &report.epochs.iter().collect::<Vec<_>>(), refusals).await?;
        let ended_at = run.began_at + figures::milliseconds(report.seconds);
        refusals.note(self.log_figures(&run.id, &figures::of_report(report), ended_at).await)?;
        Ok(())
    }

    /// Params and tags, with tags for those of their names that had to be changed.
    async fn describe(
        &self,
        run: &str,
        params: &[(String, String)],
        tags: &[(String, String)],
        refusals: &mut Refusals,
    ) -> Result<(), Trouble> {
        let entries = params.iter().map(|(name, value)| limits::param(name, value)).collect();
        refusals.note(self.log(run, "params", entries).await)?;
        let mut entries: Vec<Value> = tags.iter().map(|(name, value)| limits::tag(name, value)).collect();
        entries.extend(limits::renamed(params.iter().chain(tags).map(|(name, _)| name.as_str())));
        refusals.note(self.log(run, "tags", entries).await)?;
        Ok(())
    }

    async fn log_epochs(&self, run: &Run, reports: &[&EpochReport]) -> Result<(), Trouble> {
        let metrics = reports.iter().flat_map(|report| figures::of_epoch(report, run.began_at)).collect();
        if run.epochs.is_empty()
            && let Some(first) = reports.first()
        {
            let names: Vec<String> = figures::names_of_epoch(first).collect();
            self.log(&run.id, "tags", limits::renamed(names.iter().map(String::as_str))).await?;
        }
        self.log(&run.id, "metrics", metrics).await
    }

    /// Metrics that have one value.
    async fn log_figures(&self, run: &str, figures: &[(String, f64)], at: i64) -> Result<(), Trouble> {
        let metrics = figures.iter().map(|(name, value)| limits::metric(name, *value, at, 0)).collect();
        self.log(run, "metrics", metrics).await?;
        self.log(run, "tags", limits::renamed(figures.iter().map(|(name, _)| name.as_str()))).await
    }
}

impl Run {
    /// Whether nothing is to be added to it.
    fn is_closed(&self) -> bool {
        matches!(self.state, RunState::Complete | RunState::Deleted)
    }
}
