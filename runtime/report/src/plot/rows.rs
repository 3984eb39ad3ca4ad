//! Rows over one axis: a name, and a bar or a dot with where its value lies.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{Head, px, rule, svg, text};
use crate::shown;

const WIDTH: f64 = 480.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 26.0;
const BOTTOM: f64 = 46.0;
const ROW: f64 = 22.0;
/// How many letters of a name find room beside a row, also where the font is wide.
const LETTERS: usize = 26;
/// How wide a letter is at most, about.
const LETTER: f64 = 7.3;

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

/// Where the axis begins: beside the longest name.
fn left(rows: &[Row]) -> f64 {
    let letters = rows.iter().map(|row| row.name.chars().take(LETTERS).count()).max().unwrap_or_default();
    16.0 + LETTER * f64::from(u32::try_from(letters).unwrap_or_default()).max(6.0)
}

pub(crate) fn rows(chart: &Rows<'_>) -> Markup {
    let left = left(&chart.rows);
    let count = f64::from(u32::try_from(chart.rows.len()).unwrap_or(u32::MAX));
    let (bottom, right) = (TOP + ROW * count + 4.0, WIDTH - RIGHT);
    let along = |value| left + chart.x.at(value) * (right - left);
    let guides: Vec<&Guide<'_>> = chart.guides.iter().filter(|guide| chart.x.holds(guide.value)).collect();
    let least = guides.iter().map(|guide| guide.value).fold(f64::INFINITY, f64::min);
    let is_left = |guide: &Guide<'_>| match guides.len() {
        1 => chart.x.at(guide.value) > 0.5,
        _ => guide.value <= least,
    };
    let inside = html! {
        @for (value, written) in chart.x.ticks() {
            (rule("grid", (along(value), TOP), (along(value), bottom)))
            (text(along(value), bottom + 17.0, "tick middle", &written))
        }
        @for guide in &guides { (guided(guide, along(guide.value), bottom, is_left(guide))) }
        @for (row, y) in chart.rows.iter().zip(std::iter::successors(Some(TOP + ROW / 2.0), |y| Some(y + ROW))) {
            (self::row(row, (left, y), chart.bars, &along))
        }
        (rule("axis", (left, bottom), (right, bottom)))
        (text(f64::midpoint(left, right), bottom + BOTTOM - 10.0, "label middle", &chart.x.label))
    };
    svg(&chart.head, WIDTH, bottom + BOTTOM, &inside)
}

fn row(row: &Row, (left, y): (f64, f64), bar: bool, along: &impl Fn(f64) -> f64) -> Markup {
    let class = if row.faint { "test faint" } else { "test" };
    let value = row.value.filter(|value| value.is_finite());
    let between = row.between.filter(|(low, high)| low.is_finite() && high.is_finite());
    html! {
        (text(left - 8.0, y + 4.0, "name end", &shown::label(&row.name, LETTERS)))
        @if let Some(value) = value {
            @if bar {
                @let (from, to) = (along(0.0).min(along(value)), along(0.0).max(along(value)));
                @let width = px((to - from).max(1.0));
                rect class=(format!("bar {class}")) x=(px(from)) y=(px(y - 7.0)) width=(width) height="14" {}
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
            (text(left + 6.0, y + 4.0, "tick", "not defined"))
        }
    }
}

/// A guide with its name above, on the side where there is space; the names of two guides stand on either side of them.
fn guided(guide: &Guide<'_>, x: f64, bottom: f64, leftwards: bool) -> Markup {
    let (at, class) = if leftwards { (x - 3.0, "tick end") } else { (x + 3.0, "tick") };
    html! {
        (rule(guide.class, (x, TOP - 4.0), (x, bottom)))
        (text(at, TOP - 10.0, class, guide.name))
    }
}
