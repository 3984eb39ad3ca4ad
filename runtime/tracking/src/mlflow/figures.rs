//! Reports as metrics and params.

use mlsys_plan::Part;
use mlsys_training::{EpochReport, Score, TrainReport, TrialReport};
use serde_json::Value;

use super::limits;
use crate::described::text;

/// The metrics of an epoch, in a run that began at `began_at`: the loss last, since by it an epoch counts as sent.
pub(super) fn of_epoch(report: &EpochReport, began_at: i64) -> Vec<Value> {
    let (at, step) = (began_at + milliseconds(report.seconds), i64::from(report.epoch));
    let scores = report.validate.0.iter();
    let mut metrics: Vec<Value> = scores
        .map(|score| limits::metric(&format!("{}.{}", Part::Validate, score.metric), score.value, at, step))
        .collect();
    metrics.push(limits::metric("loss", report.loss, at, step));
    metrics
}

/// The names of an epoch's metrics.
pub(super) fn names_of_epoch(report: &EpochReport) -> impl Iterator<Item = String> {
    report.validate.0.iter().map(|score| format!("{}.{}", Part::Validate, score.metric))
}

/// What is known of a training once it is over, by name. Metrics of the validation part have a history of epochs under their
/// own names: those of the model that was kept are called `final.validate.…`.
pub(super) fn of_report(report: &TrainReport) -> Vec<(String, f64)> {
    let mut figures = Vec::new();
    for (part, of_part) in &report.parts {
        figures.push((format!("rows.{part}"), count(of_part.rows)));
        let prefix = if *part == Part::Validate { format!("final.{part}") } else { part.to_string() };
        figures.extend(of_part.metrics.0.iter().flat_map(|score| of_score(&prefix, score)));
    }
    figures.push(("rows.left_out".to_owned(), count(report.left_out)));
    figures.push(("best_epoch".to_owned(), f64::from(report.best_epoch)));
    figures.push(("parameters".to_owned(), count(report.parameters)));
    figures.push(("seconds".to_owned(), report.seconds));
    figures.extend(report.rows_per_second.map(|rows| ("rows_per_second".to_owned(), rows)));
    figures
}

/// A metric, and the ends of its interval.
fn of_score(prefix: &str, score: &Score) -> Vec<(String, f64)> {
    let name = format!("{prefix}.{}", score.metric);
    let ends = score.interval.map(|(low, high)| [(format!("{name}.low"), low), (format!("{name}.high"), high)]);
    std::iter::once((name, score.value)).chain(ends.into_iter().flatten()).collect()
}

/// How inputs were encoded, and what a search has found.
pub(super) fn params_of_report(report: &TrainReport) -> Vec<(String, String)> {
    let encoders = report.inputs.iter().map(|input| (format!("encoder.{}", input.name), input.encoder.clone()));
    let best = report.trials.iter().find(|trial| Some(trial.trial) == report.best_trial);
    let found = best.into_iter().flat_map(|trial| params_of_trial(trial, "tuned."));
    encoders.chain(found).collect()
}

/// What was tried.
pub(super) fn params_of_trial(trial: &TrialReport, prefix: &str) -> Vec<(String, String)> {
    trial.values.iter().map(|(name, value)| (format!("{prefix}{name}"), text(value))).collect()
}

/// What came of a trial.
pub(super) fn of_trial(trial: &TrialReport) -> Vec<(String, f64)> {
    let mut figures = vec![("seconds".to_owned(), trial.seconds)];
    figures.extend(trial.score.map(|score| ("score".to_owned(), score)));
    if trial.failure.is_none() {
        figures.push(("best_epoch".to_owned(), f64::from(trial.best_epoch)));
    }
    figures.extend(trial.ended_after.map(|epoch| ("ended_after".to_owned(), f64::from(epoch))));
    figures
}

/// Seconds as milliseconds.
#[expect(clippy::cast_possible_truncation, reason = "a training of more than a hundred million years is cut short")]
pub(super) fn milliseconds(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "counts beyond 2^53 lose their last digits, as all metrics do")]
fn count(count: u64) -> f64 {
    count as f64
}
