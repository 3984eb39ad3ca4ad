//! What the tests share: compiling text in memory, Markdown suites, and where things lie.

mod binaries;
mod folders;
mod generated;
mod markdown;
mod program;
mod programs;

pub use binaries::{binaries, mlsysc, printed};
pub use folders::files_under;
pub use generated::{large_project, payments};
pub use markdown::{Block, Document};
pub use program::{compile, compile_beside, compile_with_hygiene, concise};
pub use programs::programs;

use std::path::{Path, PathBuf};

/// The repository's folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Whether expectations are written instead of compared: `MLSYS_UPDATE=1`.
pub fn updating() -> bool {
    std::env::var_os("MLSYS_UPDATE").is_some()
}

/// A metric of a part of a training's report.
pub fn score(part: &serde_json::Value, metric: &str) -> f64 {
    let scores = part["metrics"].as_array().into_iter().flatten();
    let found = scores.into_iter().find(|score| score["metric"] == metric);
    found.and_then(|score| score["value"].as_f64()).unwrap_or_else(|| panic!("{metric} is not in {part}"))
}
