//! Which examples it learnt from and was judged on.

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::reading::parts;
use crate::shown;

pub(super) fn section(card: &Card) -> Option<Section> {
    let all: u64 = parts(card).map(|(_, report)| report.rows).sum();
    let lines: Vec<Vec<Cell>> = parts(card)
        .map(|(part, report)| {
            let positives = report
                .positives
                .map(|positives| Cell::Between(shown::count(positives), shown::percent(ratio(positives, report.rows))));
            let share = Cell::Number(shown::percent(ratio(report.rows, all)));
            vec![Cell::text(part.name()), Cell::count(report.rows), share, positives.unwrap_or(Cell::Empty)]
        })
        .collect();
    let mut blocks = Vec::new();
    if !lines.is_empty() {
        blocks
            .push(Block::Table(Table::new(["part", "examples", "share", "label holds"], lines, None).without_empty()));
    }
    if card.report.left_out > 0 {
        let left_out = shown::count(card.report.left_out);
        let text = format!("{left_out} more examples were left out: their labels were not known in time.");
        blocks.push(Block::Text(vec![Cell::Text(text)]));
    }
    Section::of("data", "Data and split", blocks)
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}
