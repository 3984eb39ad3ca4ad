//! Which inputs mattered.

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::{limits, shown};

pub(super) fn section(card: &Card) -> Option<Section> {
    let all = &card.report.importance;
    let first = all.first()?;
    let words = |text: &str| Cell::Text(text.to_owned());
    let text = vec![
        words("By how much "),
        Cell::name(&first.metric),
        words(
            " becomes worse when an input's values are shuffled among the examples, with the deviation over shuffles. ",
        ),
        words("Of inputs that say the same, each looks unimportant while the others are there."),
    ];
    let lines = all.iter().take(limits::IMPORTANCE).map(|input| {
        vec![Cell::name(&input.name), Cell::figure(Some(input.worse)), Cell::figure(Some(input.deviation))]
    });
    let more = shown::more(all.len(), limits::IMPORTANCE);
    let table = Table::new(["input", "worse by", "deviation"], lines.collect(), more);
    Section::of("importance", "Importance", vec![Block::Text(text), Block::Table(table)])
}
