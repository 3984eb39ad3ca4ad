//! Every program that the repository holds.

use std::path::Path;

use crate::{Document, files_under, repository};

/// All programs with the place that they come from: examples, templates, the library, suites, pages and the manual.
pub fn programs() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["examples", "stdlib", "tests/programs", "compiler/mlsysc/templates"] {
        for path in files_under(&repository().join(folder), "mlsys") {
            found.push((shown(&path), std::fs::read_to_string(&path).unwrap()));
        }
    }
    for folder in ["tests/lang", "compiler/diagnostics/pages", "docs"] {
        for path in files_under(&repository().join(folder), "md") {
            let document = Document::parse(&std::fs::read_to_string(&path).unwrap());
            let fences = document.fences("mlsys").chain(document.fences("mlsys hygiene"));
            for (number, text) in fences.enumerate() {
                found.push((format!("{} number {}", shown(&path), number + 1), text.to_owned()));
            }
        }
    }
    assert!(found.len() > 300, "only {} programs were found", found.len());
    found
}

fn shown(path: &Path) -> String {
    path.strip_prefix(repository()).unwrap_or(path).display().to_string()
}
