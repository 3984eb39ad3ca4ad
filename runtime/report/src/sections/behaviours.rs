//! How predictions follow inputs: what the model's tests expect, and whether it is so.

use mlsys_training::BehaviourResult;

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::{limits, shown};

pub(super) fn section(card: &Card) -> Option<Section> {
    let lines: Vec<Vec<Cell>> = card.behaviours.iter().take(limits::TESTS).map(line).collect();
    let more = shown::more(card.behaviours.len(), limits::TESTS);
    let table = Table::new(["test", "predictions are", "holds", "comparisons that hold"], lines, more);
    let blocks = if card.behaviours.is_empty() { Vec::new() } else { vec![Block::Table(table)] };
    Section::of("tests", "Tests", blocks)
}

fn line(result: &BehaviourResult) -> Vec<Cell> {
    let held = format!("{} of {}", shown::count(result.seen.held), shown::count(result.seen.compared));
    vec![
        Cell::Name(shown::text(&result.behaviour.test, limits::SENTENCE)),
        Cell::Name(shown::text(&result.behaviour.to_string(), limits::SENTENCE)),
        Cell::Met(result.met),
        Cell::Number(held),
    ]
}
