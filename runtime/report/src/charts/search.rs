//! What the trials of a search have reached, one after the other.

use super::{Chart, Figure};
use crate::card::Card;
use crate::plot::{Axis, Head, Lines, Series, Shape, lines};

pub(super) const CHART: Chart = Chart { section: "training", draw };

fn draw(card: &Card) -> Vec<Figure> {
    let report = &card.report;
    let points: Vec<(f64, f64)> =
        report.trials.iter().filter_map(|trial| Some((f64::from(trial.trial), trial.score?))).collect();
    let Some(y) = Axis::over("score", points.iter().map(|(_, y)| *y)).filter(|_| points.len() > 1) else {
        return Vec::new();
    };
    let about = "The search's metric for every trial that has one, in the order in which they were tried.";
    let last = report.trials.iter().map(|trial| trial.trial).max().unwrap_or(1);
    let drawing = lines(&Lines {
        head: Head { id: "search", title: "Search", description: about },
        x: Axis::between("trial", 1.0, f64::from(last)),
        y,
        series: &[Series { name: "score".to_owned(), class: "validate", shape: Shape::Dots, points }],
        beside: None,
        mark: report.best_trial.map(|best| (f64::from(best), "kept")),
    });
    vec![Figure { title: "Search".to_owned(), about: about.to_owned(), drawing, numbers: None }]
}
