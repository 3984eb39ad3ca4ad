//! Lines and dots over two axes.

use maud::{Markup, html};

use super::axis::Axis;
use super::svg::{Head, px, rule, svg, text};
use crate::limits;

const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 46.0;
/// The height of the legend.
const LEGEND: f64 = 20.0;
/// How wide a letter is, about.
const LETTER: f64 = 6.6;

/// Points that belong together.
pub(crate) struct Series {
    pub(crate) name: String,
    /// The name of its colour in the style sheet.
    pub(crate) class: &'static str,
    pub(crate) shape: Shape,
    pub(crate) points: Vec<(f64, f64)>,
}

/// How points are drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Line,
    /// A line with a dot at each point.
    Dotted,
    Dots,
}

/// What is drawn.
pub(crate) struct Lines<'a> {
    pub(crate) head: Head<'a>,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
    pub(crate) series: &'a [Series],
    /// A line for comparison, from one point to another.
    pub(crate) beside: Option<[(f64, f64); 2]>,
    /// A value of the first axis that is marked, with what it is called.
    pub(crate) mark: Option<(f64, &'a str)>,
}

/// Where things stand.
struct Frame<'a> {
    x: &'a Axis,
    y: &'a Axis,
    top: f64,
}

pub(crate) fn lines(chart: &Lines<'_>) -> Markup {
    let legend = chart.series.len() > 1;
    let frame = Frame { x: &chart.x, y: &chart.y, top: if legend { TOP + LEGEND } else { TOP } };
    let inside = html! {
        (frame.axes())
        @if let Some([from, to]) = chart.beside { (rule("beside", frame.place(from), frame.place(to))) }
        @if let Some((value, name)) = chart.mark.filter(|(value, _)| chart.x.holds(*value)) {
            (frame.mark(value, name))
        }
        @for series in chart.series { (frame.series(series)) }
        @if legend { (key(chart.series)) }
    };
    svg(&chart.head, WIDTH, HEIGHT, &inside)
}

impl Frame<'_> {
    fn place(&self, (x, y): (f64, f64)) -> (f64, f64) {
        let (width, height) = (WIDTH - LEFT - RIGHT, HEIGHT - self.top - BOTTOM);
        (LEFT + self.x.at(x) * width, HEIGHT - BOTTOM - self.y.at(y) * height)
    }

    fn axes(&self) -> Markup {
        let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        let middle = f64::midpoint(self.top, bottom);
        let along = |value| LEFT + self.x.at(value) * (right - LEFT);
        let up = |value| bottom - self.y.at(value) * (bottom - self.top);
        html! {
            @for (value, written) in self.y.ticks() {
                (rule("grid", (LEFT, up(value)), (right, up(value))))
                (text(LEFT - 6.0, up(value) + 4.0, "tick end", &written))
            }
            @for (value, written) in self.x.ticks() {
                (rule("grid", (along(value), self.top), (along(value), bottom)))
                (text(along(value), bottom + 17.0, "tick middle", &written))
            }
            (rule("axis", (LEFT, bottom), (right, bottom)))
            (text(f64::midpoint(LEFT, right), HEIGHT - 8.0, "label middle", &self.x.label))
            text class="label middle" transform=(format!("translate(12 {}) rotate(-90)", px(middle))) { (self.y.label) }
        }
    }

    /// A value of the first axis, with its name above it.
    fn mark(&self, value: f64, name: &str) -> Markup {
        let x = LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT);
        html! {
            (rule("mark", (x, self.top), (x, HEIGHT - BOTTOM)))
            (text(x, self.top - 4.0, "tick middle", name))
        }
    }

    fn series(&self, series: &Series) -> Markup {
        let finite = series.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let points: Vec<(f64, f64)> =
            thinned(finite.copied().collect()).into_iter().map(|point| self.place(point)).collect();
        let line = series.shape != Shape::Dots;
        let dots = series.shape != Shape::Line || points.len() == 1;
        html! {
            @if line { polyline class=(format!("line {}", series.class)) points=(written(&points)) {} }
            @if dots {
                @for (x, y) in &points {
                    circle class=(format!("dot {}", series.class)) cx=(px(*x)) cy=(px(*y)) r="3" {}
                }
            }
        }
    }
}

/// Which series is which.
fn key(series: &[Series]) -> Markup {
    let mut x = LEFT;
    let places: Vec<(f64, &Series)> = series
        .iter()
        .map(|series| {
            let place = x;
            x += 38.0 + LETTER * f64::from(u32::try_from(series.name.chars().count()).unwrap_or(u32::MAX));
            (place, series)
        })
        .collect();
    html! {
        @for (x, series) in places {
            @if series.shape == Shape::Dots {
                circle class=(format!("dot {}", series.class)) cx=(px(x + 10.0)) cy=(px(TOP)) r="3" {}
            } @else {
                (rule(&format!("line {}", series.class), (x, TOP), (x + 20.0, TOP)))
            }
            (text(x + 26.0, TOP + 4.0, "tick", &series.name))
        }
    }
}

fn written(points: &[(f64, f64)]) -> String {
    let pairs = points.iter().map(|(x, y)| format!("{},{}", px(*x), px(*y)));
    pairs.collect::<Vec<_>>().join(" ")
}

/// Every so many points, the first and the last among them.
fn thinned(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let (last, most) = (points.len().saturating_sub(1), limits::POINTS - 1);
    if last <= most {
        return points;
    }
    (0..=most).map(|place| points[place * last / most]).collect()
}

#[cfg(test)]
mod tests {
    use super::thinned;

    #[test]
    fn a_line_has_a_fixed_number_of_points() {
        let points: Vec<(f64, f64)> = (0..100_000).map(|x| (f64::from(x), 0.0)).collect();
        let thin = thinned(points.clone());
        assert_eq!((thin.len(), thin[0], thin[199]), (200, points[0], points[99_999]));
        assert_eq!(thinned(points[..3].to_vec()), points[..3]);
        assert!(thinned(Vec::new()).is_empty());
    }
}
