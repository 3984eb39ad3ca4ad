//! Drawings as indented lists.

use std::fmt::Write;

use super::Drawing;

/// Every box with what it reads.
pub(super) fn render(drawing: &Drawing) -> String {
    let mut out = String::new();
    for (owner, boxes) in drawing.owners() {
        // Writing to a string cannot fail.
        let indent = if owner.is_empty() { "" } else { "  " };
        if !owner.is_empty() {
            let _ = writeln!(out, "{owner}");
        }
        for index in boxes {
            let each = &drawing.boxes[index];
            if owner.is_empty() {
                let _ = writeln!(out, "{}  ({})", each.id, each.place);
                for input in drawing.inputs(index) {
                    let _ = writeln!(out, "  <- {}", input.id);
                }
            } else {
                let inputs: Vec<String> =
                    drawing.inputs(index).map(|input| format!("{}.{}", input.owner, input.label)).collect();
                let reads = if inputs.is_empty() { String::new() } else { format!(" <- {}", inputs.join(", ")) };
                let beyond = each.origins.iter().any(|origin| !inputs.contains(origin));
                let origins = if beyond { format!("  (from {})", each.origins.join(", ")) } else { String::new() };
                let _ = writeln!(out, "{indent}{}{reads}{origins}", each.label);
            }
        }
    }
    out
}
