//! How inputs become numbers.

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::{limits, shown};

pub(super) fn section(card: &Card) -> Option<Section> {
    let all = &card.report.inputs;
    let lines: Vec<Vec<Cell>> = all
        .iter()
        .take(limits::INPUTS)
        .map(|input| {
            vec![Cell::name(&input.name), Cell::name(&input.encoder), Cell::Number(shown::percent(input.missing))]
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let table = Table::new(["input", "encoder", "missing in training"], lines, shown::more(all.len(), limits::INPUTS));
    Section::of("inputs", "Inputs", vec![Block::Table(table)])
}
