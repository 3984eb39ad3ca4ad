//! Rows over one axis: a name, and a bar or a dot with where its value lies.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{Head, px, rule, svg, text};
use crate::{limits, shown};

const WIDTH: f64 = 480.0;
const LEFT: f64 = 200.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 46.0;
const ROW: f64 = 22.0;

/// A row.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: Option<f64>,
    /// Where the value lies.
    pub(crate) between: Option<(f64, f64)>,
    /// Whether it is only reported.
    pub(crate) faint: bool,
}

/// A value that rows are compared with.
pub(crate) struct Guide<'a> {
    pub(crate) value: f64,
    pub(crate) name: &'a str,
    pub(crate) class: &'static str,
}

/// What is drawn.
pub(crate) struct Rows<'a> {
    pub(crate) head: Head<'a>,
    pub(crate) x: Axis,
    pub(crate) rows: Vec<Row>,
    pub(crate) guides: Vec<Guide<'a>>,
    /// Whether values are bars from zero, and not dots.
    pub(crate) bars: bool,
}

pub(crate) fn rows(chart: &Rows<'_>) -> Markup {
    let count = f64::from(u32::try_from(chart.rows.len()).unwrap_or(u32::MAX));
    let (bottom, right) = (TOP + ROW * count + 4.0, WIDTH - RIGHT);
    let along = |value| LEFT + chart.x.at(value) * (right - LEFT);
    let inside = html! {
        @for (value, written) in chart.x.ticks() {
            (rule("grid", (along(value), TOP), (along(value), bottom)))
            (text(along(value), bottom + 17.0, "tick middle", &written))
        }
        @for (place, guide) in chart.guides.iter().filter(|guide| chart.x.holds(guide.value)).enumerate() {
            (guided(guide, along(guide.value), bottom, place))
        }
        @for (row, y) in chart.rows.iter().zip(std::iter::successors(Some(TOP + ROW / 2.0), |y| Some(y + ROW))) {
            (self::row(row, y, chart.bars, &along))
        }
        (rule("axis", (LEFT, bottom), (right, bottom)))
        (text(f64::midpoint(LEFT, right), bottom + BOTTOM - 10.0, "label middle", &chart.x.label))
    };
    svg(&chart.head, WIDTH, bottom + BOTTOM, &inside)
}

fn row(row: &Row, y: f64, bar: bool, along: &impl Fn(f64) -> f64) -> Markup {
    let class = if row.faint { "test faint" } else { "test" };
    let value = row.value.filter(|value| value.is_finite());
    let between = row.between.filter(|(low, high)| low.is_finite() && high.is_finite());
    html! {
        (text(LEFT - 8.0, y + 4.0, "name end", &shown::label(&row.name, limits::LABEL)))
        @if let Some(value) = value {
            @if bar {
                @let (from, to) = (along(0.0).min(along(value)), along(0.0).max(along(value)));
                rect class=(format!("bar {class}")) x=(px(from)) y=(px(y - 7.0)) width=(px((to - from).max(1.0))) height="14" {}
            }
            @if let Some((low, high)) = between {
                (rule(if bar { "error" } else { "between test" }, (along(low), y), (along(high), y)))
                @if bar {
                    (rule("error", (along(low), y - 4.0), (along(low), y + 4.0)))
                    (rule("error", (along(high), y - 4.0), (along(high), y + 4.0)))
                }
            }
            @if !bar { circle class=(format!("dot {class}")) cx=(px(along(value))) cy=(px(y)) r="4.5" {} }
        } @else {
            (text(LEFT + 6.0, y + 4.0, "tick", "not defined"))
        }
    }
}

/// A guide with its name above, on the side where there is space; a second one's name stands on the other side of its line.
fn guided(guide: &Guide<'_>, x: f64, bottom: f64, place: usize) -> Markup {
    let leftwards =
        if place == 0 { x > f64::midpoint(LEFT, WIDTH) } else { x <= f64::midpoint(LEFT, WIDTH) && x > LEFT + 60.0 };
    html! {
        (rule(guide.class, (x, TOP - 4.0), (x, bottom)))
        (text(if leftwards { x + 3.0 } else { x - 3.0 }, TOP - 10.0, if leftwards { "tick end" } else { "tick" }, guide.name))
    }
}
