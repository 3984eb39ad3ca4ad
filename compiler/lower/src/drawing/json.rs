//! Drawings as JSON, for tools.

use serde_json::{Value, json};

use super::Drawing;

pub(super) fn render(drawing: &Drawing) -> String {
    let boxes: Vec<Value> = drawing
        .boxes
        .iter()
        .map(|each| {
            let mut value = json!({ "id": each.id, "kind": each.kind, "name": each.label });
            if !each.owner.is_empty() {
                value["of"] = json!(each.owner);
            }
            if !each.origins.is_empty() {
                value["origins"] = json!(each.origins);
            }
            if !each.place.is_empty() {
                value["place"] = json!(each.place);
            }
            value
        })
        .collect();
    let edges: Vec<Value> = drawing
        .edges
        .iter()
        .map(|(from, to)| json!({ "from": drawing.boxes[*from].id, "to": drawing.boxes[*to].id }))
        .collect();
    format!("{:#}\n", json!({ "program": drawing.title, "nodes": boxes, "edges": edges }))
}
