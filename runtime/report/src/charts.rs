//! The charts of a page, one file each, all of one shape: what a card has, drawn, or nothing.

mod calibration;
mod confusion;
mod importance;
mod learning;
mod precision_recall;
mod predictions;
mod roc;
mod search;
mod slices;

use maud::Markup;

use crate::card::Card;
use crate::content::Table;

/// A drawing with what is to be said about it.
pub(crate) struct Figure {
    pub(crate) title: String,
    /// How it is read, in a sentence or two.
    pub(crate) about: String,
    pub(crate) drawing: Markup,
    /// Its numbers, where they are few and no section tells them.
    pub(crate) numbers: Option<Table>,
}

/// A kind of chart.
struct Chart {
    /// The section that it stands in.
    section: &'static str,
    /// What is drawn of a card; nothing where it has no data for it.
    draw: fn(&Card) -> Vec<Figure>,
}

/// The one list of charts, in the order in which they stand.
const CHARTS: &[Chart] = &[
    roc::CHART,
    precision_recall::CHART,
    calibration::CHART,
    predictions::CHART,
    confusion::CHART,
    slices::CHART,
    importance::CHART,
    learning::CHART,
    search::CHART,
];

/// The charts of a section.
pub(crate) fn of(section: &str, card: &Card) -> Vec<Figure> {
    CHARTS.iter().filter(|chart| chart.section == section).flat_map(|chart| (chart.draw)(card)).collect()
}
