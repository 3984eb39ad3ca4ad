//! Drawings as SVG: one file without scripts, fonts or anything from elsewhere.

use std::fmt::Write;

use super::layout::layers;
use super::{Box, Drawing};

const ROW: usize = 40;
const HEIGHT: usize = 28;
const GAP: usize = 70;
const MARGIN: usize = 16;
/// The width of a character of the font, about.
const CHARACTER: usize = 8;

/// A box and where it stands.
#[derive(Clone, Copy, Default)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
}

pub(super) fn render(drawing: &Drawing) -> String {
    let (places, width, height) = places(drawing);
    // Writing to a string cannot fail.
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" font-family=\"ui-monospace, monospace\" font-size=\"13\">\n\
         <title>{}</title>\n",
        escaped(&drawing.title)
    );
    for (from, to) in &drawing.edges {
        let (from, to) = (places[*from], places[*to]);
        let (x1, y1, x2, y2) = (from.x + from.width, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2);
        let middle = usize::midpoint(x1, x2);
        let _ = writeln!(
            out,
            "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#8a8f98\"/>"
        );
    }
    for (each, place) in drawing.boxes.iter().zip(&places) {
        let Place { x, y, width } = *place;
        let _ = writeln!(
            out,
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"5\" \
             fill=\"{}\" stroke=\"#5b616b\"/><text x=\"{}\" y=\"{}\" fill=\"#1c1e21\">{}</text></g>",
            escaped(&each.id),
            colour(&each.kind),
            x + CHARACTER,
            y + 18,
            escaped(&shown(each))
        );
    }
    out.push_str("</svg>\n");
    out
}

fn places(drawing: &Drawing) -> (Vec<Place>, usize, usize) {
    let layers = layers(drawing);
    let mut places = vec![Place::default(); drawing.boxes.len()];
    let tallest = layers.iter().map(Vec::len).max().unwrap_or_default();
    let mut x = MARGIN;
    for layer in &layers {
        let width = |index: &usize| (shown(&drawing.boxes[*index]).chars().count() + 2) * CHARACTER;
        let widest = layer.iter().map(width).max().unwrap_or_default();
        // Short layers stand in the middle.
        let top = MARGIN + (tallest - layer.len()) * ROW / 2;
        for (position, index) in layer.iter().enumerate() {
            places[*index] = Place { x, y: top + position * ROW, width: width(index) };
        }
        x += widest + GAP;
    }
    let width = (x + MARGIN).saturating_sub(GAP).max(2 * MARGIN);
    (places, width, 2 * MARGIN + tallest * ROW)
}

fn shown(each: &Box) -> String {
    let owner = each.owner.split_once(' ').map_or("", |(_, name)| name);
    match (owner.is_empty(), each.label.starts_with(&format!("{owner}."))) {
        (true, _) => format!("{} {}", each.kind, each.label),
        (false, true) => each.label.clone(),
        (false, false) => format!("{owner}.{}", each.label),
    }
}

fn colour(kind: &str) -> &'static str {
    match kind {
        "source" => "#dcebfb",
        "features" => "#dff3e0",
        "observe" | "join" => "#f3f0da",
        "train" | "model" => "#fbe3d3",
        "deployment" => "#eadcfb",
        _ => "#f6d9e4",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
