//! What happened to it since.

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::{limits, shown};

pub(super) fn section(card: &Card) -> Option<Section> {
    let optional = |text: &Option<String>| text.as_ref().map_or(Cell::Empty, |text| Cell::text(text));
    let lines: Vec<Vec<Cell>> = card
        .history
        .iter()
        .take(limits::EVENTS)
        .map(|event| {
            let version = Cell::Text(format!("version {}", event.version));
            vec![Cell::text(&event.at), version, Cell::text(&event.what), optional(&event.who), optional(&event.why)]
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let more = shown::more(card.history.len(), limits::EVENTS);
    let table = Table::new(["when", "version", "what", "who", "why"], lines, more).without_empty();
    Section::of("history", "History", vec![Block::Table(table)])
}
