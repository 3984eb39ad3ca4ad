//! `mlsysc infer`: a `source` from a file, to go on from.

use std::fmt::Write;
use std::path::PathBuf;

use clap::Args;
use mlsys_dataflow::{Inferred, infer};

use super::{Exit, complain};

#[derive(Args)]
pub(crate) struct Arguments {
    /// A Parquet, CSV or JSON file (one object a line)
    file: PathBuf,
    /// The source's name [default: the file's]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Print what was found as JSON instead of a declaration
    #[arg(long)]
    json: bool,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let found = match infer(&arguments.file) {
        Ok(found) => found,
        Err(error) => {
            let code = mlsys_diagnostics::entry(error.code()).map_or("E0901", |entry| entry.code);
            complain(code, error.message(), error.help());
            return Exit::Wrong;
        }
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&found).unwrap_or_default());
        return Exit::Fine;
    }
    let stem = arguments.file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let name = arguments.name.clone().unwrap_or_else(|| name_of(&stem));
    print!("{}", mlsys_driver::format(&declaration(&name, &found)));
    for column in &found.unsupported {
        eprintln!("left out: {}: {}", column.name, column.reason);
    }
    Exit::Fine
}

/// A name of the language that is like a file's.
fn name_of(stem: &str) -> String {
    let mut name: String =
        stem.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.insert_str(0, "source_");
    }
    name
}

/// The declaration, with what the rows say about time and key; where they say nothing, a remark does.
fn declaration(name: &str, found: &Inferred) -> String {
    let mut text = format!(
        "/// Inferred from {} rows.\nsource {name} {{\nfrom {}\nschema {{\n",
        found.rows_looked_at, found.connector
    );
    for column in &found.columns {
        let examples = column.examples.join(", ").replace('\n', " ");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}  // {}", column.name, column.ty, cut(&examples));
    }
    text.push_str("}\n");
    match found.time_candidates.as_slice() {
        [] => text.push_str(
            "// No column holds the time of a row: derive one, or add `static` if the table never changes.\n",
        ),
        [time, others @ ..] => {
            let others = if others.is_empty() { String::new() } else { format!("  // or {}", others.join(", ")) };
            let _ = writeln!(text, "time {time}{others}");
        }
    }
    match found.key_candidates.first().map(Vec::as_slice) {
        None | Some([]) => text.push_str("// No column tells rows apart: add a `key` if there is one.\n"),
        Some([key]) => text += &format!("key {key}\n"),
        Some(keys) => text += &format!("key ({})\n", keys.join(", ")),
    }
    text.push_str("}\n");
    text
}

/// The beginning of a remark.
fn cut(text: &str) -> String {
    const MOST: usize = 48;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST - 1).chain(['…']).collect() }
}
