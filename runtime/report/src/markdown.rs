//! A card as Markdown with front matter: what the Hugging Face Hub and every viewer of Markdown reads.

mod escaped;
mod front_matter;

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::sections::{self, Summary, summary};
use escaped::{code, plain};

pub(crate) fn write(card: &Card) -> String {
    let mut out = front_matter::write(card);
    let summary = summary(card);
    out += &head(&summary);
    for section in sections::all(card) {
        out += &of_section(&section);
    }
    out
}

/// The title and what matters most.
fn head(summary: &Summary) -> String {
    let mut out = format!("\n# {}\n\n{}\n", plain(&summary.title), sentence(&summary.lead));
    let mut points = Vec::new();
    if !summary.aliases.is_empty() {
        let aliases: Vec<String> = summary.aliases.iter().map(|alias| code(alias)).collect();
        points.push(format!("alias: {}", aliases.join(", ")));
    }
    if let Some((met, all)) = summary.gates {
        points.push(format!("gates: {met} of {all} hold"));
    }
    for tile in &summary.tiles {
        let interval = tile.interval.iter().map(|interval| format!(" ({interval})")).collect::<String>();
        points.push(format!("{}: **{}**{interval}", code(&tile.metric), plain(&tile.value)));
    }
    if let Some(part) = summary.part.as_ref().filter(|_| !summary.tiles.is_empty()) {
        points.push(format!("judged on {}", plain(part)));
    }
    if !points.is_empty() {
        out += &format!("\n- {}\n", points.join("\n- "));
    }
    out
}

fn of_section(section: &Section) -> String {
    let mut out = format!("\n## {}\n", section.title);
    for block in &section.blocks {
        match block {
            Block::Text(cells) => out += &format!("\n{}\n", sentence(cells)),
            Block::Table(table) => out += &format!("\n{}", of_table(table)),
            Block::Charts => {}
        }
    }
    out
}

fn of_table(table: &Table) -> String {
    let columns = table.lines.iter().map(Vec::len).chain([table.head.len()]).max().unwrap_or_default();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut out =
        line((0..columns).map(|column| table.head.get(column).map(|cell| plain(cell)).unwrap_or_default()).collect());
    let rule = |column: usize| if table.is_numeric(column) { "---:" } else { "---" };
    out += &line((0..columns).map(|column| rule(column).to_owned()).collect());
    for cells in &table.lines {
        out += &line(cells.iter().map(cell).collect());
    }
    if let Some(more) = &table.more {
        out += &format!("\n{}\n", plain(more));
    }
    out
}

fn sentence(cells: &[Cell]) -> String {
    cells.iter().map(cell).collect()
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Number(text) => plain(text),
        Cell::Name(name) => code(name),
        Cell::Between(value, interval) => format!("{} ({})", plain(value), plain(interval)),
        Cell::Met(met) => if *met { "yes" } else { "**no**" }.to_owned(),
        Cell::Empty => String::new(),
    }
}
