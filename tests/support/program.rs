//! Programs as text, compiled in memory.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use mlsys_diagnostics::{Diagnostic, Files};
use mlsys_driver::{Compiler, InMemory, Settings};
use mlsys_plan::Plan;

/// The plan of a program and its diagnostics; no plan if there are errors.
pub fn compile(text: &str) -> (Option<Plan>, Vec<Diagnostic>, Files) {
    compiled(text, &BTreeMap::new(), false)
}

/// As [`compile`], beside other files, by their paths in the project.
pub fn compile_beside(text: &str, others: &BTreeMap<String, String>) -> (Option<Plan>, Vec<Diagnostic>, Files) {
    compiled(text, others, false)
}

/// As [`compile`], with the warnings on a program without errors: what is not used, not judged, not watched.
pub fn compile_with_hygiene(text: &str) -> (Option<Plan>, Vec<Diagnostic>, Files) {
    compiled(text, &BTreeMap::new(), true)
}

fn compiled(text: &str, others: &BTreeMap<String, String>, hygiene: bool) -> (Option<Plan>, Vec<Diagnostic>, Files) {
    let project = Path::new("/project");
    let mut files = BTreeMap::from([(project.join("program.mlsys"), text.to_owned())]);
    files.extend(others.iter().map(|(path, text)| (project.join(path), text.clone())));
    let file_system = InMemory { files };
    let Ok(compiler) = Compiler::load(&file_system, Path::new("/project/program.mlsys"), Settings::default()) else {
        return (None, Vec::new(), Files::default());
    };
    match compiler.build() {
        Ok((plan, mut warnings)) => {
            if hygiene {
                warnings.extend(compiler.hygiene());
            }
            (Some(plan), warnings, compiler.files().clone())
        }
        Err(diagnostics) => (None, diagnostics, compiler.files().clone()),
    }
}

/// Diagnostics as short text: code, place and message, then labels, help and fix.
pub fn concise(diagnostics: &[Diagnostic], files: &Files) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics {
        let at = |place: mlsys_diagnostics::Place| {
            let position = files.position(place.file, place.span.start);
            format!("{}:{}", position.line, position.column)
        };
        let place = diagnostic.labels.first().map(|label| format!(" {}", at(label.place))).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{}{place} {}", diagnostic.code, diagnostic.message);
        for label in &diagnostic.labels {
            let text = files.text(label.place.file).get(label.place.span.range()).unwrap_or_default();
            let text = text.lines().next().unwrap_or_default();
            let _ = writeln!(out, "  at {} `{text}`: {}", at(label.place), label.text);
        }
        if let Some(help) = &diagnostic.help {
            let _ = writeln!(out, "  help: {help}");
        }
    }
    out
}
