//! What was predicted, and what came true: a reliability diagram (Niculescu-Mizil and Caruana, 2005).

use mlsys_metrics::{Bin, Curves};
use mlsys_plan::Task;

use super::{Chart, Figure};
use crate::card::Card;
use crate::content::{Cell, Table};
use crate::plot::{Axis, Head, Lines, Series, Shape, lines};
use crate::reading::{curves, drawn};
use crate::{limits, shown};

pub(super) const CHART: Chart = Chart { section: "metrics", draw };

fn draw(card: &Card) -> Vec<Figure> {
    let series = curves(card, Shape::Dotted, |curves: &Curves| {
        curves.reliability.iter().take(limits::BARS).map(|bin| (bin.predicted, bin.actual)).collect()
    });
    let Some((x, y, beside)) = axes(card.report.task, &series) else { return Vec::new() };
    let about = "Examples in bins of their predictions: the mean prediction, and the mean of what came true. On the diagonal both \
                 are the same.";
    let drawing = lines(&Lines {
        head: Head { id: "calibration", title: "Calibration", description: about },
        x,
        y,
        series: &series,
        beside: Some(beside),
        mark: None,
    });
    vec![Figure { title: "Calibration".to_owned(), about: about.to_owned(), drawing, numbers: numbers(card) }]
}

/// Both axes, and the ends of the diagonal; none where there is nothing to draw.
fn axes(task: Task, series: &[Series]) -> Option<(Axis, Axis, [(f64, f64); 2])> {
    let (predicted, actual) =
        ("mean prediction", if task == Task::Binary { "share that came true" } else { "mean of the label" });
    let values: Vec<f64> = series.iter().flat_map(|series| &series.points).flat_map(|(x, y)| [*x, *y]).collect();
    let over = Axis::over(predicted, values.iter().copied())?;
    if task == Task::Binary {
        let ends = [(0.0, 0.0), (1.0, 1.0)];
        return Some((Axis::between(predicted, 0.0, 1.0), Axis::between(actual, 0.0, 1.0), ends));
    }
    let (low, high) = over.ends();
    Some((over, Axis::between(actual, low, high), [(low, low), (high, high)]))
}

fn numbers(card: &Card) -> Option<Table> {
    let (_, curves) = drawn(card)?;
    let line =
        |bin: &Bin| vec![Cell::count(bin.rows), Cell::figure(Some(bin.predicted)), Cell::figure(Some(bin.actual))];
    let lines: Vec<Vec<Cell>> = curves.reliability.iter().take(limits::SHORT).map(line).collect();
    let more = shown::more(curves.reliability.len(), lines.len());
    (!lines.is_empty()).then(|| Table::new(["examples", "predicted", "came true"], lines, more))
}
