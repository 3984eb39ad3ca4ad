//! What it predicts, and from what.

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::reading::prediction;
use crate::{limits, shown};

/// How many inputs are named; the section on inputs names all.
const NAMED: usize = 12;

pub(super) fn section(card: &Card) -> Option<Section> {
    let report = &card.report;
    let mut lines = Vec::new();
    lines.extend(card.label.as_ref().map(|label| ("predicts", Cell::name(label))));
    lines.push(("task", Cell::text(&format!("{}: {}", report.task.name(), prediction(report.task)))));
    if !card.classes.is_empty() {
        lines.push(("classes", Cell::text(&named(card.classes.iter().map(String::as_str)))));
    }
    if !report.inputs.is_empty() {
        let all = named(report.inputs.iter().map(|input| input.name.as_str()));
        lines.push(("from the inputs", Cell::Text(all)));
    }
    lines
        .extend(card.learner.as_ref().map(|learner| ("learnt by", Cell::Name(shown::text(learner, limits::SENTENCE)))));
    lines.push(("learnt parameters", Cell::count(report.parameters)));
    Section::of("predicts", "What it predicts", vec![Block::Table(Table::pairs(lines))])
}

fn named<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = shown::more(names.len(), NAMED);
    let names = names.take(NAMED).map(|name| shown::text(name, limits::NAME));
    names.chain(more).collect::<Vec<_>>().join(", ")
}
