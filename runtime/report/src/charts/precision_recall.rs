//! Precision over recall (Davis and Goadrich, 2006).

use mlsys_metrics::Curves;

use super::{Chart, Figure};
use crate::card::Card;
use crate::plot::{Axis, Head, Lines, Shape, lines};
use crate::reading::{base_rate, curves};
use crate::shown;

pub(super) const CHART: Chart = Chart { section: "metrics", draw };

fn draw(card: &Card) -> Vec<Figure> {
    let series = curves(card, Shape::Line, |curves: &Curves| curves.precision_recall.clone());
    if series.is_empty() {
        return Vec::new();
    }
    let rate = base_rate(card);
    let by_chance =
        rate.map(|rate| format!(" The level line is what chance gives: {} of the labels hold.", shown::percent(rate)));
    let about = format!(
        "Every threshold on the prediction is a point: how many of the positives lie above it, and how many of those \
         above are positives.{}",
        by_chance.unwrap_or_default()
    );
    let drawing = lines(&Lines {
        head: Head { id: "precision-recall", title: "Precision and recall", description: &about },
        x: Axis::between("recall", 0.0, 1.0),
        y: Axis::between("precision", 0.0, 1.0),
        series: &series,
        beside: rate.map(|rate| [(0.0, rate), (1.0, rate)]),
        mark: None,
    });
    vec![Figure { title: "Precision and recall".to_owned(), about, drawing, numbers: None }]
}
