//! Drawings for Mermaid, which code hosts and wikis show as pictures.

use std::fmt::Write;

use super::Drawing;

pub(super) fn render(drawing: &Drawing) -> String {
    let mut out = "flowchart LR\n".to_owned();
    for (number, (owner, boxes)) in drawing.owners().into_iter().enumerate() {
        // Writing to a string cannot fail.
        if !owner.is_empty() {
            let _ = writeln!(out, "  subgraph g{number}[\"{}\"]", escaped(owner));
        }
        for index in boxes {
            let each = &drawing.boxes[index];
            let label = if owner.is_empty() { format!("{} {}", each.kind, each.label) } else { each.label.clone() };
            let indent = if owner.is_empty() { "  " } else { "    " };
            let _ = writeln!(out, "{indent}n{index}[\"{}\"]", escaped(&label));
        }
        if !owner.is_empty() {
            out.push_str("  end\n");
        }
    }
    for (from, to) in &drawing.edges {
        let _ = writeln!(out, "  n{from} --> n{to}");
    }
    out
}

/// Mermaid reads entities inside of quotes.
fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
