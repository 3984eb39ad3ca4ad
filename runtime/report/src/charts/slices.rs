//! A metric on every slice of a column.

use super::{Chart, Figure};
use crate::card::Card;
use crate::limits;
use crate::plot::{Axis, Guide, Head, Row, Rows, rows};
use crate::reading::{Sliced, direction, slice, sliced};
use crate::shown;

pub(super) const CHART: Chart = Chart { section: "slices", draw };

fn draw(card: &Card) -> Vec<Figure> {
    sliced(card).iter().enumerate().filter_map(|(place, sliced)| figure(place, sliced)).collect()
}

fn figure(place: usize, sliced: &Sliced<'_>) -> Option<Figure> {
    let all: Vec<Row> = sliced.slices.iter().map(|each| row(sliced, each)).collect();
    let ends = all
        .iter()
        .flat_map(|row| row.value.into_iter().chain(row.between.into_iter().flat_map(|(low, high)| [low, high])));
    let metric = shown::text(&sliced.metric, limits::LABEL);
    let label = match direction(&sliced.metric) {
        "" => metric.clone(),
        direction => format!("{metric} ({direction})"),
    };
    let x = Axis::over(&label, ends.chain(sliced.whole).chain(sliced.bound))?;
    let title = format!("{metric} by {}", shown::text(sliced.column, limits::LABEL));
    let mut about =
        "A dot for each slice with the interval that holds its value with a probability of 95 %, beside the whole \
                     part and the bound of the gate."
            .to_owned();
    if all.iter().any(|row| row.faint) {
        about += " Hollow dots are slices that are too small to judge.";
    }
    let whole = sliced.whole.map(|value| Guide { value, name: "whole part", class: "beside" });
    let bound = sliced.bound.map(|value| Guide { value, name: "gate", class: "bound" });
    let id = format!("slices-{place}");
    let drawing = rows(&Rows {
        head: Head { id: &id, title: &title, description: &about },
        x,
        rows: all,
        guides: whole.into_iter().chain(bound).collect(),
        bars: false,
    });
    Some(Figure { title, about, drawing, numbers: None })
}

fn row(sliced: &Sliced<'_>, each: &mlsys_training::SliceReport) -> Row {
    let score = each.metrics.0.iter().find(|score| score.metric == sliced.metric);
    Row {
        name: slice(each.value.as_deref()).to_owned(),
        value: score.map(|score| score.value),
        between: score.and_then(|score| score.interval),
        faint: each.rows < sliced.min_rows,
    }
}
