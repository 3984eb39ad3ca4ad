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
    let Some((x, y)) = axes(card.report.task, &series) else { return Vec::new() };
    let (low, high) = x.ends();
    let about = "Examples in bins of their predictions: the mean prediction, and the mean of what came true. On the \
                 diagonal both are the same.";
    let drawing = lines(&Lines {
        head: Head { id: "calibration", title: "Calibration", description: about },
        x,
        y,
        series: &series,
        beside: Some([(low, low), (high, high)]),
        mark: None,
    });
    vec![Figure { title: "Calibration".to_owned(), about: about.to_owned(), drawing, numbers: numbers(card) }]
}

/// Both axes, which span the same; none where there is nothing to draw.
fn axes(task: Task, series: &[Series]) -> Option<(Axis, Axis)> {
    let values = series.iter().flat_map(|series| &series.points).flat_map(|(x, y)| [*x, *y]);
    let over = Axis::over("mean prediction", values)?;
    if task == Task::Binary {
        return Some((Axis::between("mean prediction", 0.0, 1.0), Axis::between("share that came true", 0.0, 1.0)));
    }
    let (low, high) = over.ends();
    Some((over, Axis::between("mean of the label", low, high)))
}

fn numbers(card: &Card) -> Option<Table> {
    let (_, curves) = drawn(card)?;
    let line =
        |bin: &Bin| vec![Cell::count(bin.rows), Cell::figure(Some(bin.predicted)), Cell::figure(Some(bin.actual))];
    let lines: Vec<Vec<Cell>> = curves.reliability.iter().take(limits::SHORT).map(line).collect();
    let more = shown::more(curves.reliability.len(), lines.len());
    (!lines.is_empty()).then(|| Table::new(["examples", "predicted", "came true"], lines, more))
}
