//! How good it is on each slice that gates look at.

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::reading::{Sliced, judged, slice, sliced};
use crate::shown;

pub(super) fn section(card: &Card) -> Option<Section> {
    let (part, _) = judged(card)?;
    let blocks =
        sliced(card).iter().flat_map(|sliced| [title(sliced, part.name()), Block::Table(table(sliced))]).collect();
    Section::of("slices", "Slices", blocks)
}

fn title(sliced: &Sliced<'_>, part: &str) -> Block {
    let whole = sliced.whole.map(|whole| format!(", where the whole part has {}", shown::figure(whole)));
    let end = format!(" on {part}, from the worst to the best{}:", whole.unwrap_or_default());
    let words = |text: &str| Cell::Text(text.to_owned());
    Block::Text(vec![Cell::name(&sliced.metric), words(" by "), Cell::name(sliced.column), words(&end)])
}

fn table(sliced: &Sliced<'_>) -> Table {
    let lines = sliced.slices.iter().map(|each| {
        let score = each.metrics.0.iter().find(|score| score.metric == sliced.metric);
        let rows = match each.rows < sliced.min_rows {
            true => Cell::Between(shown::count(each.rows), "too small to judge".to_owned()),
            false => Cell::count(each.rows),
        };
        vec![Cell::name(slice(each.value.as_deref())), rows, score.map_or(Cell::Empty, Cell::score)]
    });
    let metric = shown::text(&sliced.metric, crate::limits::LABEL);
    let lines: Vec<Vec<Cell>> = lines.collect();
    let more = shown::more(sliced.all, lines.len()).map(|more| format!("{more} with fewer examples"));
    Table::new(["slice", "examples", metric.as_str()], lines, more)
}
