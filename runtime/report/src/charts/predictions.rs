//! How often which predictions were made.

use mlsys_metrics::Bar;
use mlsys_plan::Part;

use super::{Chart, Figure};
use crate::card::Card;
use crate::content::{Cell, Table};
use crate::plot::{Axis, Bars, Head, bars};
use crate::reading::drawn;
use crate::{limits, shown};

pub(super) const CHART: Chart = Chart { section: "metrics", draw };

fn draw(card: &Card) -> Vec<Figure> {
    drawn(card).and_then(|(part, curves)| figure(part, &curves.predicted)).into_iter().collect()
}

fn figure(part: Part, predicted: &[Bar]) -> Option<Figure> {
    let all = &predicted[..predicted.len().min(limits::BARS)];
    let x = Axis::between("prediction", all.first()?.from, all.last()?.to);
    let y = Axis::over("examples", all.iter().map(height).chain([0.0]))?;
    let about = format!("How many examples of {part} were given which prediction.");
    let drawing = bars(&Bars {
        head: Head { id: "predictions", title: "Predictions", description: &about },
        x,
        y,
        class: crate::reading::class(part),
        bars: all.iter().map(|bar| (bar.from, bar.to, height(bar))).collect(),
    });
    let line = |bar: &Bar| vec![Cell::Text(shown::figure(bar.from)), Cell::figure(Some(bar.to)), Cell::count(bar.rows)];
    let lines: Vec<Vec<Cell>> = all.iter().take(limits::SHORT).map(line).collect();
    let numbers = Table::new(["from", "to", "examples"], lines, shown::more(predicted.len(), limits::SHORT));
    Some(Figure { title: "Predictions".to_owned(), about, drawing, numbers: Some(numbers) })
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn height(bar: &Bar) -> f64 {
    bar.rows as f64
}
