//! The receiver operating characteristic (Fawcett, 2006).

use mlsys_metrics::Curves;

use super::{Chart, Figure};
use crate::card::Card;
use crate::plot::{Axis, Head, Lines, Shape, lines};
use crate::reading::curves;

pub(super) const CHART: Chart = Chart { section: "metrics", draw };

fn draw(card: &Card) -> Vec<Figure> {
    let series = curves(card, Shape::Line, |curves: &Curves| curves.roc.clone());
    if series.is_empty() {
        return Vec::new();
    }
    let about = "Every threshold on the prediction is a point: how many of the negatives and of the positives lie \
                 above it. The diagonal is what chance gives.";
    let drawing = lines(&Lines {
        head: Head { id: "roc", title: "ROC", description: about },
        x: Axis::between("share of negatives above (false positive rate)", 0.0, 1.0),
        y: Axis::between("share of positives above (recall)", 0.0, 1.0),
        series: &series,
        beside: Some([(0.0, 0.0), (1.0, 1.0)]),
        mark: None,
    });
    vec![Figure { title: "ROC".to_owned(), about: about.to_owned(), drawing, numbers: None }]
}
