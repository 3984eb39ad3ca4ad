//! What it was made of.

use std::collections::BTreeMap;

use crate::card::Card;
use crate::content::{Block, Cell, Section, Table};
use crate::{limits, shown};

pub(super) fn section(card: &Card) -> Option<Section> {
    let origin = &card.origin;
    let print = |whole: &str| Cell::Name(shown::fingerprint(whole));
    let mut lines = vec![("registered", Cell::text(&card.registered_at))];
    lines.extend(origin.mlsys.as_ref().map(|mlsys| ("mlsys", Cell::text(mlsys))));
    lines.extend(origin.commit.as_ref().map(|commit| ("commit", Cell::name(commit))));
    lines.extend([
        ("training", print(&origin.training)),
        ("plan", print(&origin.plan)),
        ("data", print(&origin.data)),
        ("files", print(&origin.artefact)),
    ]);
    let mut blocks = vec![Block::Table(Table::pairs(lines))];
    let read = read("source", &origin.sources).chain(read("group", &origin.groups));
    let all = origin.sources.len() + origin.groups.len();
    if all > 0 {
        let lines = read.take(limits::ORIGINS).collect();
        let more = shown::more(all, limits::ORIGINS);
        blocks.push(Block::Table(Table::new(["read", "name", "fingerprint"], lines, more)));
    }
    Section::of("origin", "Lineage", blocks)
}

fn read<'a>(kind: &'a str, all: &'a BTreeMap<String, String>) -> impl Iterator<Item = Vec<Cell>> + 'a {
    all.iter().map(move |(name, print)| vec![Cell::text(kind), Cell::name(name), Cell::Name(shown::fingerprint(print))])
}
