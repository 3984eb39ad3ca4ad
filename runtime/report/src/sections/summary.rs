//! What stands on top: what it is, how good it is, and whether it may be used.

use crate::card::Card;
use crate::content::Cell;
use crate::reading::{CHAMPION, Clause, direction, judged, prediction};
use crate::{limits, shown};

/// How many metrics stand on top.
const FIRST: usize = 4;

/// What stands on top.
pub(crate) struct Summary {
    /// The model and its version.
    pub(crate) title: String,
    /// Its aliases.
    pub(crate) aliases: Vec<String>,
    pub(crate) is_champion: bool,
    /// What it predicts, in a sentence.
    pub(crate) lead: Vec<Cell>,
    /// The part that the metrics are of, with its examples.
    pub(crate) part: Option<String>,
    pub(crate) tiles: Vec<Tile>,
    /// How many gates hold, and how many there are; none without gates.
    pub(crate) gates: Option<(usize, usize)>,
}

/// A metric that stands on top.
pub(crate) struct Tile {
    pub(crate) metric: String,
    pub(crate) value: String,
    /// Where it lies with a probability of 95 %.
    pub(crate) interval: Option<String>,
    /// Which way it is to go.
    pub(crate) direction: &'static str,
}

pub(crate) fn summary(card: &Card) -> Summary {
    let clauses = Clause::all(card);
    let met = clauses.iter().filter(|clause| clause.met()).count();
    Summary {
        title: format!("{} version {}", shown::text(&card.model, limits::NAME), card.version),
        aliases: card.aliases.iter().take(limits::ALIASES).map(|alias| shown::text(alias, limits::NAME)).collect(),
        is_champion: card.aliases.iter().any(|alias| alias == CHAMPION),
        lead: lead(card),
        part: judged(card).map(|(part, report)| format!("{part}, {} examples", shown::count(report.rows))),
        tiles: tiles(card),
        gates: (!clauses.is_empty()).then_some((met, clauses.len())),
    }
}

fn lead(card: &Card) -> Vec<Cell> {
    let words = |text: &str| Cell::Text(text.to_owned());
    let task = card.report.task;
    let mut lead = match &card.label {
        Some(label) => vec![
            words("Predicts "),
            Cell::name(label),
            words(&format!(" ({task}: {})", prediction(task), task = task.name())),
        ],
        None => vec![words(&format!("A {} model: it gives {}", task.name(), prediction(task)))],
    };
    match card.report.inputs.len() {
        0 => {}
        1 => lead.push(words(" from one input")),
        inputs => lead.push(words(&format!(" from {} inputs", shown::count(inputs as u64)))),
    }
    if let Some(learner) = &card.learner {
        // Its arguments stand below.
        lead.extend([words(", learnt by "), Cell::name(learner.split('(').next().unwrap_or_default())]);
    }
    lead.push(words("."));
    lead
}

/// The first metrics of the part that judges.
fn tiles(card: &Card) -> Vec<Tile> {
    let scores = judged(card).into_iter().flat_map(|(_, report)| &report.metrics.0);
    let tile = |score: &mlsys_training::Score| Tile {
        metric: shown::text(&score.metric, limits::LABEL),
        value: shown::figure(score.value),
        interval: shown::interval(score.interval),
        direction: direction(&score.metric),
    };
    scores.take(FIRST).map(tile).collect()
}
