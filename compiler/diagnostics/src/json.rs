//! Diagnostics as JSON, for tools: `mlsysc check --json`.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Label};
use crate::files::Files;
use crate::span::Place;

/// The diagnostic as one JSON object: `code`, `severity`, `message`, `labels`, `help`, `fix`. Places carry the file's
/// name, byte offsets, and lines and columns from 1.
pub fn to_json(diagnostic: &Diagnostic, files: &Files) -> Value {
    let labels: Vec<Value> = diagnostic.labels.iter().map(|label| label_json(label, files)).collect();
    let fix = diagnostic.fix.as_ref().map(|fix| {
        let edits: Vec<Value> =
            fix.edits.iter().map(|edit| json!({ "place": place_json(edit.place, files), "text": edit.text })).collect();
        json!({ "title": fix.title, "sure": fix.sure, "edits": edits })
    });
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity.name(),
        "message": diagnostic.message,
        "labels": labels,
        "help": diagnostic.help,
        "fix": fix,
    })
}

fn label_json(label: &Label, files: &Files) -> Value {
    json!({ "place": place_json(label.place, files), "text": label.text })
}

fn place_json(place: Place, files: &Files) -> Value {
    json!({
        "file": files.name(place.file),
        "bytes": place.span,
        "start": files.position(place.file, place.span.start),
        "end": files.position(place.file, place.span.end),
    })
}
