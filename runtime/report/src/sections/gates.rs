//! What a version had to reach, and whether it did.

use mlsys_plan::Comparison;
use mlsys_training::GateResult;

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::reading::{Clause, slice};
use crate::{limits, shown};

pub(super) fn section(card: &Card) -> Option<Section> {
    let clauses = Clause::all(card);
    let lines: Vec<Vec<Cell>> = clauses.iter().take(limits::GATES).filter_map(line).collect();
    let more = shown::more(clauses.len(), limits::GATES);
    let mut blocks = Vec::new();
    if !lines.is_empty() {
        blocks.push(Block::Table(Table::new(["gate", "holds", "reached", "bound", "read on"], lines, more)));
    }
    if card.unread_gates > 0 {
        let text = format!("{} gates were written by another version of mlsys and cannot be read.", card.unread_gates);
        blocks.push(Block::Text(vec![Cell::Text(text)]));
    }
    Section::of("gates", "Gates", blocks)
}

fn line(clause: &Clause<'_>) -> Option<Vec<Cell>> {
    let first = clause.results.first()?;
    let shown = if first.slice.is_some() { worst(clause).unwrap_or(first) } else { first };
    let read_on = if first.slice.is_some() {
        slices(clause, shown)
    } else {
        let note = first.note.iter().map(|note| format!("; {note}"));
        format!("{} examples{}", shown::count(first.rows), note.collect::<String>())
    };
    Some(vec![
        Cell::Name(shown::text(&first.gate.to_string(), limits::SENTENCE)),
        Cell::Met(clause.met()),
        Cell::figure(shown.value),
        Cell::figure(shown.bound),
        Cell::text(&read_on),
    ])
}

fn slices(clause: &Clause<'_>, worst: &GateResult) -> String {
    let judged = clause.judged().count();
    let met = clause.judged().filter(|result| result.met).count();
    let mut text = format!("{} of {} slices", shown::count(met as u64), shown::count(judged as u64));
    if judged > 0 {
        text += &format!(", the worst is {}", shown::text(slice(worst.slice.as_deref()), limits::LABEL));
    }
    if clause.results.len() > judged {
        text += &format!("; {} too small to judge", shown::count((clause.results.len() - judged) as u64));
    }
    text
}

/// The slice that counts and is worst; one where the metric is not defined counts as none.
fn worst<'a>(clause: &Clause<'a>) -> Option<&'a GateResult> {
    let larger =
        |result: &GateResult| matches!(result.gate.comparison, Comparison::Greater | Comparison::GreaterOrEqual);
    let key = |result: &GateResult| {
        let value = result.value.unwrap_or(f64::NAN);
        if larger(result) { value } else { -value }
    };
    clause.judged().min_by(|left, right| key(left).total_cmp(&key(right)))
}
