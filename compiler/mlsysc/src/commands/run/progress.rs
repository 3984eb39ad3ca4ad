//! Progress of a run: bars on a terminal, plain lines otherwise.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mlsys_engine::{EpochReport, Event, Outcome, TrainEvent, TrialReport};
use mlsys_plan::{Plan, Value};

use super::summary::thousands;

/// Shows events as they come.
pub(super) struct Progress {
    bar: ProgressBar,
    /// How wide names of nodes are.
    width: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    rows: u64,
    epochs: u32,
    steps: u64,
    last: Option<EpochReport>,
    /// The trial of a search, or the fold, that is at work.
    trial: Option<String>,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
        bar.set_style(spinner());
        let width = plan.nodes.iter().map(|node| node.id.as_str().len()).max().unwrap_or_default();
        Progress { bar, width, state: Mutex::new(State::default()) }
    }

    pub(super) fn tell(&self, event: Event<'_>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started { node } => {
                *state = State::default();
                self.bar.set_style(spinner());
                self.bar.set_message(node.id.to_string());
                self.bar.enable_steady_tick(Duration::from_millis(100));
            }
            Event::Rows { node, rows } => {
                state.rows = rows;
                self.bar.set_message(format!("{}  {} rows", node.id, thousands(rows)));
            }
            Event::Training { node, event } => self.training(&mut state, node.id.as_str(), event),
            Event::Ended { node, outcome, seconds } => {
                let name = node.id.as_str();
                let detail = if state.rows > 0 { format!("  {} rows", thousands(state.rows)) } else { String::new() };
                let width = self.width;
                match outcome {
                    Outcome::Current => {}
                    Outcome::Done => self.line(&format!("{name:width$}  done  {seconds:6.1} s{detail}")),
                    Outcome::Fetched => self.line(&format!("{name:width$}  fetched  {seconds:6.1} s")),
                    Outcome::Failed(_) => self.line(&format!("{name:width$}  failed")),
                    Outcome::PassedOver(_) => self.line(&format!("{name:width$}  passed over")),
                    Outcome::Skipped(cause) => self.line(&format!("{name:width$}  skipped, because {cause} failed")),
                }
            }
        }
    }

    /// Removes what moves from the terminal.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    fn training(&self, state: &mut State, name: &str, event: &TrainEvent) {
        match event {
            TrainEvent::Ready { epochs, steps, .. } => {
                (state.epochs, state.steps) = (*epochs, *steps);
                self.bar.set_style(bar());
                self.bar.set_length(u64::from(*epochs) * steps);
                self.bar.set_message(state.trial.clone().unwrap_or_else(|| name.to_owned()));
            }
            TrainEvent::Fold { fold, folds } => {
                state.trial = Some(match fold {
                    Some(fold) => format!("{name}  fold {fold}/{folds}"),
                    None => format!("{name}  all folds"),
                });
                if self.bar.is_hidden() {
                    self.line(&fold_line(name, self.width, *fold, *folds));
                }
            }
            TrainEvent::TrialStarted { trial, trials } => {
                state.trial = Some(format!("{name}  trial {trial}/{trials}"));
            }
            TrainEvent::Trial { report, trials, best } => {
                let width = self.width;
                self.line(&format!("{name:width$}  {}", trial(report, *trials, *best)));
            }
            TrainEvent::Step { epoch, step } => {
                self.bar.set_position(u64::from(epoch.saturating_sub(1)) * state.steps + step);
            }
            TrainEvent::Epoch(report) => {
                self.bar.set_position(u64::from(report.epoch) * state.steps);
                let text = epoch(report, state.epochs);
                self.bar.set_message(format!("{}  {text}", state.trial.as_deref().unwrap_or(name)));
                // Of a search every trial is told, of folds every fold, not every epoch of each.
                if self.bar.is_hidden() && state.trial.is_none() {
                    self.line(&format!("{name:width$}  {text}", width = self.width));
                }
                state.last = Some(report.clone());
            }
            TrainEvent::Predicted { rows, total } => {
                self.bar.set_style(bar());
                self.bar.set_length(*total);
                self.bar.set_position(*rows);
                self.bar.set_message(format!("{name}  {} rows", thousands(*rows)));
            }
            TrainEvent::Rendezvous { .. } | TrainEvent::Done | TrainEvent::Failed { .. } => {}
        }
    }

    fn line(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }
}

fn fold_line(name: &str, width: usize, fold: Option<u32>, folds: u32) -> String {
    match fold {
        Some(fold) => format!("{name:width$}  fold {fold}/{folds}"),
        None => format!("{name:width$}  the model that is kept, from all folds"),
    }
}

fn trial(report: &TrialReport, trials: u32, best: Option<f64>) -> String {
    let values: Vec<String> = report.values.iter().map(|(name, value)| format!("{name} {}", short(value))).collect();
    let came = match (report.score, &report.failure) {
        (Some(score), _) => format!("{score:.4}"),
        (None, Some(failure)) => format!("failed: {failure}"),
        (None, None) => "not judged".to_owned(),
    };
    let best = best.map(|best| format!("  best {best:.4}")).unwrap_or_default();
    format!("trial {}/{trials}  {}  {came}{best}  {:.1} s", report.trial, values.join("  "), report.seconds)
}

/// A tried value with as many digits as tell it from others.
pub(super) fn short(value: &Value) -> String {
    match value {
        Value::Float(number) if number.abs() >= 1e-2 => format!("{number:.3}"),
        Value::Float(number) => format!("{number:.2e}"),
        other => other.to_string(),
    }
}

fn epoch(report: &EpochReport, epochs: u32) -> String {
    let first = report.validate.0.first();
    let validate = first.map(|score| format!("  validate.{} {:.4}", score.metric, score.value));
    format!("epoch {}/{epochs}  loss {:.4}{}", report.epoch, report.loss, validate.unwrap_or_default())
}

fn spinner() -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner())
}

fn bar() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {msg}  {eta}").unwrap_or_else(|_| ProgressStyle::default_bar())
}
