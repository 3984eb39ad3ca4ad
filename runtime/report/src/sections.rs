//! What a card tells, section by section; Markdown and HTML write the same.

mod behaviours;
mod data;
mod gates;
mod history;
mod importance;
mod inputs;
mod metrics;
mod origin;
mod predicts;
mod slices;
mod summary;
mod training;

use crate::card::Card;
use crate::content::Section;

pub(crate) use summary::{Summary, Tile, summary};

/// The one list of sections, in their order. One that has nothing to tell is absent.
const SECTIONS: &[fn(&Card) -> Option<Section>] = &[
    predicts::section,
    data::section,
    gates::section,
    behaviours::section,
    metrics::section,
    slices::section,
    importance::section,
    training::section,
    inputs::section,
    origin::section,
    history::section,
];

/// The sections of a card.
pub(crate) fn all(card: &Card) -> Vec<Section> {
    SECTIONS.iter().filter_map(|section| section(card)).collect()
}
