//! Which class was taken for which.

use maud::{Markup, html};
use mlsys_plan::Task;

use super::{Chart, Figure};
use crate::card::Card;
use crate::reading::drawn;
use crate::{limits, shown};

pub(super) const CHART: Chart = Chart { section: "metrics", draw };

fn draw(card: &Card) -> Vec<Figure> {
    let Some((part, curves)) = drawn(card).filter(|(_, curves)| !curves.confusion.is_empty()) else {
        return Vec::new();
    };
    let shown_classes = curves.confusion.len().min(limits::CLASSES);
    let mut about = format!("The examples of {part}: a row for what came true, a column for what was predicted");
    about += match card.report.task {
        Task::Binary => ", from one half on.",
        _ => ", the most probable class.",
    };
    if card.report.task != Task::Binary && card.classes.is_empty() {
        about += " Classes stand in the model's own order.";
    }
    if let Some(more) = shown::more(curves.confusion.len(), shown_classes) {
        about += &format!(" The first {shown_classes} classes are shown, {more}.");
    }
    let counts: Vec<&[u64]> = curves.confusion.iter().take(shown_classes).map(Vec::as_slice).collect();
    let drawing = matrix(&names(card, shown_classes), &counts);
    vec![Figure { title: "Confusion".to_owned(), about, drawing, numbers: None }]
}

/// A table is its own drawing: the more of a row's examples a cell has, the stronger is its colour.
fn matrix(names: &[String], counts: &[&[u64]]) -> Markup {
    html! {
        div.scroll {
            table.matrix {
                thead {
                    tr {
                        th scope="col" { "came true" }
                        @for name in names { th scope="col" { code { (name) } } }
                    }
                }
                tbody {
                    @for (name, row) in names.iter().zip(counts) {
                        @let all = row.iter().sum::<u64>().max(1);
                        tr {
                            th scope="row" { code { (name) } }
                            @for count in row.iter().take(names.len()) {
                                td.number style=(format!("--share:{}%", count * 100 / all)) { (shown::count(*count)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn names(card: &Card, most: usize) -> Vec<String> {
    if card.report.task == Task::Binary {
        return vec!["false".to_owned(), "true".to_owned()];
    }
    let named = (0..most).map(|place| match card.classes.get(place) {
        Some(name) => shown::text(name, limits::LABEL),
        None => format!("class {}", place + 1),
    });
    named.collect()
}
