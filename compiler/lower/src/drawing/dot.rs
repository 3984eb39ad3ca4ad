//! Drawings in the DOT language of Graphviz.

use std::fmt::Write;

use super::Drawing;

pub(super) fn render(drawing: &Drawing) -> String {
    let mut out =
        format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box, fontname=\"sans-serif\"];\n", quoted(&drawing.title));
    for (number, (owner, boxes)) in drawing.owners().into_iter().enumerate() {
        // Writing to a string cannot fail.
        if !owner.is_empty() {
            let _ = writeln!(out, "  subgraph cluster_{number} {{\n    label={};", quoted(owner));
        }
        for index in boxes {
            let each = &drawing.boxes[index];
            if owner.is_empty() {
                let label = format!("{}\\n{}", escaped(&each.kind), escaped(&each.label));
                let _ = writeln!(out, "  {} [label=\"{label}\"];", quoted(&each.id));
            } else {
                let _ = writeln!(out, "    {} [label={}];", quoted(&each.id), quoted(&each.label));
            }
        }
        if !owner.is_empty() {
            out.push_str("  }\n");
        }
    }
    for (from, to) in &drawing.edges {
        let _ = writeln!(out, "  {} -> {};", quoted(&drawing.boxes[*from].id), quoted(&drawing.boxes[*to].id));
    }
    out.push_str("}\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}
