//! Bars that stand side by side: how often which values are.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{Head, px, rule, svg, text};

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;

/// What is drawn: bars from one value to another, each with its height.
pub(crate) struct Bars<'a> {
    pub(crate) head: Head<'a>,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) class: &'static str,
    pub(crate) bars: Vec<(f64, f64, f64)>,
}

pub(crate) fn bars(chart: &Bars<'_>) -> Markup {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let along = |value| LEFT + chart.x.at(value) * (right - LEFT);
    let up = |value| bottom - chart.y.at(value) * (bottom - TOP);
    let inside = html! {
        @for (value, written) in chart.y.ticks() {
            (rule("grid", (LEFT, up(value)), (right, up(value))))
            (text(LEFT - 6.0, up(value) + 4.0, "tick end", &written))
        }
        @for (from, to, height) in chart.bars.iter().filter(|(from, to, _)| from.is_finite() && to.is_finite()) {
            rect class=(format!("bar {}", chart.class)) x=(px(along(*from) + 0.5)) y=(px(up(*height)))
                width=(px((along(*to) - along(*from) - 1.0).max(0.5))) height=(px(bottom - up(*height))) {}
        }
        @for (value, written) in chart.x.ticks() { (text(along(value), bottom + 17.0, "tick middle", &written)) }
        (rule("axis", (LEFT, bottom), (right, bottom)))
        (text(f64::midpoint(LEFT, right), HEIGHT - 8.0, "label middle", &chart.x.label))
        text class="label middle" transform=(format!("translate(12 {}) rotate(-90)", px(f64::midpoint(TOP, bottom)))) {
            (chart.y.label)
        }
    };
    svg(&chart.head, WIDTH, HEIGHT, &inside)
}
