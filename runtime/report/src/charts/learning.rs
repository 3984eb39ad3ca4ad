//! How the loss and the metrics went from epoch to epoch.

use mlsys_training::EpochReport;

use super::{Chart, Figure};
use crate::card::Card;
use crate::content::{Cell, Table};
use crate::plot::{Axis, Head, Lines, Series, Shape, lines};
use crate::{limits, shown};

pub(super) const CHART: Chart = Chart { section: "training", draw };

/// How many metrics of the validation part are drawn, a chart each: they have different scales.
const METRICS: usize = 2;

fn draw(card: &Card) -> Vec<Figure> {
    let epochs = &card.report.epochs;
    if epochs.len() < 2 {
        return Vec::new();
    }
    let loss = of(card, 0, "training loss", "train", |epoch| Some(epoch.loss));
    let names =
        epochs.last().into_iter().flat_map(|last| last.validate.0.iter().take(METRICS)).map(|score| &score.metric);
    let metrics = names.zip(1..).filter_map(|(name, place)| {
        of(card, place, &format!("{} on validate", shown::text(name, limits::LABEL)), "validate", |epoch| {
            epoch.validate.get(name)
        })
    });
    let loss = loss.map(|figure| Figure { title: "Training loss".to_owned(), numbers: numbers(epochs), ..figure });
    loss.into_iter().chain(metrics).collect()
}

fn of(
    card: &Card,
    place: usize,
    name: &str,
    class: &'static str,
    value: impl Fn(&EpochReport) -> Option<f64>,
) -> Option<Figure> {
    let epochs = &card.report.epochs;
    let points: Vec<(f64, f64)> =
        epochs.iter().filter_map(|epoch| Some((f64::from(epoch.epoch), value(epoch)?))).collect();
    let y = Axis::over(name, points.iter().map(|(_, y)| *y))?;
    let last = epochs.last().map_or(1, |epoch| epoch.epoch);
    let about = format!(
        "The {name} after each of {last} epochs, or rounds of boosting; number {} was kept.",
        card.report.best_epoch
    );
    let id = format!("learning-{place}");
    let shape = if points.len() <= limits::SHORT { Shape::Dotted } else { Shape::Line };
    let drawing = lines(&Lines {
        head: Head { id: &id, title: name, description: &about },
        x: Axis::between("epoch", epochs.first().map_or(1.0, |epoch| f64::from(epoch.epoch)), f64::from(last)),
        y,
        series: &[Series { name: name.to_owned(), class, shape, points }],
        beside: None,
        mark: Some((f64::from(card.report.best_epoch), "kept")),
    });
    Some(Figure { title: name.to_owned(), about, drawing, numbers: None })
}

fn numbers(epochs: &[EpochReport]) -> Option<Table> {
    let names: Vec<&str> = epochs.last()?.validate.0.iter().take(METRICS).map(|score| score.metric.as_str()).collect();
    let line = |epoch: &EpochReport| {
        let ends = [Cell::Text(epoch.epoch.to_string()), Cell::figure(Some(epoch.loss))];
        ends.into_iter().chain(names.iter().map(|name| Cell::figure(epoch.validate.get(name)))).collect::<Vec<Cell>>()
    };
    let named = names.iter().map(|name| shown::text(name, limits::LABEL));
    let head = ["epoch", "loss"].map(str::to_owned).into_iter().chain(named).collect();
    (epochs.len() <= limits::SHORT).then(|| Table { head, lines: epochs.iter().map(line).collect(), more: None })
}
