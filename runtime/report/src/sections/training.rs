//! How it was learnt, and what a search has tried.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use mlsys_training::TrialReport;

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::{limits, shown};

pub(super) fn section(card: &Card) -> Option<Section> {
    let report = &card.report;
    let mut lines = Vec::new();
    if let Some(last) = report.epochs.last() {
        lines.push(("kept", Cell::Text(format!("epoch {} of {}", report.best_epoch, last.epoch))));
    }
    lines.push(("time", Cell::Text(shown::seconds(report.seconds))));
    lines.extend(report.rows_per_second.map(|rows| ("rows per second", Cell::Number(shown::figure(rows.round())))));
    lines.push(("seed", Cell::Number(card.origin.seed.to_string())));
    lines
        .extend(report.best_trial.map(|best| ("kept trial", Cell::Text(format!("{best} of {}", report.trials.len())))));
    let mut blocks = vec![Block::Table(Table::pairs(lines)), Block::Charts];
    if !report.trials.is_empty() {
        blocks.push(Block::Text(vec![Cell::Text("What the search has tried, from the best to the worst:".to_owned())]));
        blocks.push(Block::Table(trials(card)));
    }
    Section::of("training", "Training", blocks)
}

fn trials(card: &Card) -> Table {
    let ordered = ordered(card);
    let shown_trials = &ordered[..ordered.len().min(limits::TRIALS)];
    let names: BTreeSet<&str> = shown_trials.iter().flat_map(|trial| trial.values.keys().map(String::as_str)).collect();
    let names: Vec<&str> = names.into_iter().take(limits::VALUES).collect();
    let line = |trial: &&TrialReport| {
        let value = |name: &&str| {
            trial.values.get(*name).map(|value| Cell::Name(shown::text(&shown::value(value), limits::LABEL)))
        };
        let mut line = vec![Cell::Number(trial.trial.to_string())];
        line.extend(names.iter().map(|name| value(name).unwrap_or(Cell::Empty)));
        line.extend([Cell::figure(trial.score), Cell::Number(shown::seconds(trial.seconds)), outcome(card, trial)]);
        line
    };
    let named = names.iter().map(|name| shown::text(name, limits::LABEL));
    let ends = ["score", "time", ""].map(str::to_owned);
    let head = ["trial".to_owned()].into_iter().chain(named).chain(ends).collect();
    Table { head, lines: shown_trials.iter().map(line).collect(), more: shown::more(ordered.len(), limits::TRIALS) }
}

fn outcome(card: &Card, trial: &TrialReport) -> Cell {
    match (&trial.failure, trial.ended_after) {
        (Some(reason), _) => Cell::text(&format!("failed: {reason}")),
        (None, Some(epoch)) => Cell::Text(format!("ended after epoch {epoch}")),
        (None, None) if card.report.best_trial == Some(trial.trial) => Cell::Text("kept".to_owned()),
        (None, None) => Cell::Empty,
    }
}

/// The trials from the best score to the worst. Which way is better shows in the one that was kept.
fn ordered(card: &Card) -> Vec<&TrialReport> {
    let trials = &card.report.trials;
    let score = |trial: &TrialReport| trial.score.filter(|score| score.is_finite());
    let best = trials.iter().find(|trial| Some(trial.trial) == card.report.best_trial).and_then(score);
    let largest = trials.iter().filter_map(score).fold(f64::NEG_INFINITY, f64::max);
    let larger = best.is_none_or(|best| best >= largest);
    let mut ordered: Vec<&TrialReport> = trials.iter().collect();
    ordered.sort_by(|left, right| match (score(left), score(right)) {
        (Some(left), Some(right)) => {
            if larger {
                right.total_cmp(&left)
            } else {
                left.total_cmp(&right)
            }
        }
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    });
    ordered
}
