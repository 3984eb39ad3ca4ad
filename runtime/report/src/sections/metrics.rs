//! How good it is on each part.

use mlsys_training::{FoldReport, Score, Scores};

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::reading::{direction, judged, parts};
use crate::{limits, shown};

/// How many metrics of baselines are told.
const OF_BASELINES: usize = 4;

/// How many metrics of folds are told.
const OF_FOLDS: usize = 8;

pub(super) fn section(card: &Card) -> Option<Section> {
    let mut blocks = Vec::new();
    blocks.extend(of_parts(card).map(Block::Table));
    if parts(card).any(|(_, report)| report.metrics.0.iter().any(|score| score.interval.is_some())) {
        let text = "Beside a value stands where it lies with a probability of 95 %, by resampling examples.";
        blocks.push(Block::Text(vec![Cell::Text(text.to_owned())]));
    }
    if let Some(table) = of_baselines(card) {
        let text = "The same of inputs that are taken as the prediction:";
        blocks.push(Block::Text(vec![Cell::Text(text.to_owned())]));
        blocks.push(Block::Table(table));
    }
    if let Some(table) = of_folds(card) {
        let text = "The metrics of test are those of all folds together; each fold by itself, predicted by the model \
                    that has learnt from the others:";
        blocks.push(Block::Text(vec![Cell::Text(text.to_owned())]));
        blocks.push(Block::Table(table));
    }
    Section::of("metrics", "Metrics", blocks)
}

/// A line a metric, a column a part.
fn of_parts(card: &Card) -> Option<Table> {
    let parts: Vec<_> = parts(card).filter(|(_, report)| !report.metrics.0.is_empty()).collect();
    let mut names: Vec<&str> = Vec::new();
    for score in parts.iter().rev().flat_map(|(_, report)| report.metrics.0.iter().take(limits::METRICS)) {
        if !names.contains(&score.metric.as_str()) {
            names.push(&score.metric);
        }
    }
    let line = |name: &&str| {
        let of_parts = parts.iter().map(|(_, report)| cell(&report.metrics, name));
        let ends = [Cell::name(name)].into_iter().chain(of_parts).chain([Cell::text(direction(name))]);
        ends.collect::<Vec<Cell>>()
    };
    let lines: Vec<Vec<Cell>> = names.iter().take(limits::METRICS).map(line).collect();
    let of_parts = parts.iter().map(|(part, _)| part.to_string());
    let head = ["metric".to_owned()].into_iter().chain(of_parts).chain([String::new()]).collect();
    (!lines.is_empty()).then(|| Table { head, lines, more: shown::more(names.len(), limits::METRICS) })
}

/// A line an input, a column a metric.
fn of_baselines(card: &Card) -> Option<Table> {
    let (_, part) = judged(card)?;
    let metrics: Vec<&str> = part.metrics.0.iter().take(OF_BASELINES).map(|score| score.metric.as_str()).collect();
    let line = |(input, scores): (&String, &Scores)| {
        let cells = metrics.iter().map(|metric| cell(scores, metric));
        [Cell::name(input)].into_iter().chain(cells).collect::<Vec<Cell>>()
    };
    let lines: Vec<Vec<Cell>> = part.baselines.iter().take(limits::BASELINES).map(line).collect();
    let named = metrics.iter().map(|metric| shown::text(metric, limits::LABEL));
    let head = ["input".to_owned()].into_iter().chain(named).collect();
    let more = shown::more(part.baselines.len(), limits::BASELINES);
    (!lines.is_empty()).then_some(Table { head, lines, more })
}

/// A line a fold, a column a metric.
fn of_folds(card: &Card) -> Option<Table> {
    let folds = &card.report.folds;
    let metrics: Vec<&str> =
        folds.first()?.metrics.0.iter().take(OF_FOLDS).map(|score| score.metric.as_str()).collect();
    let line = |fold: &FoldReport| {
        let ends = [Cell::Text(fold.fold.to_string()), Cell::count(fold.rows)];
        ends.into_iter().chain(metrics.iter().map(|metric| cell(&fold.metrics, metric))).collect::<Vec<Cell>>()
    };
    let named = metrics.iter().map(|metric| shown::text(metric, limits::LABEL));
    let head = ["fold", "examples"].map(str::to_owned).into_iter().chain(named).collect();
    let lines = folds.iter().take(limits::FOLDS).map(line).collect();
    Some(Table { head, lines, more: shown::more(folds.len(), limits::FOLDS) })
}

fn cell(scores: &Scores, metric: &str) -> Cell {
    let found: Option<&Score> = scores.0.iter().find(|score| score.metric == metric);
    found.map_or(Cell::Empty, Cell::score)
}
