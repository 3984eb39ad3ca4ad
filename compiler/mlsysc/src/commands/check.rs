//! `mlsysc check`: diagnostics only.

use clap::Args;
use mlsys_diagnostics::{Diagnostic, Severity, to_json};
use mlsys_driver::Compiler;
use serde_json::{Value, json};

use super::{Exit, Program, complain};
use crate::render;

/// How often fixes are applied and the program is checked again: one fix may bring the next mistake to light.
const MOST_ROUNDS: usize = 16;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// Print one JSON object with all diagnostics instead of excerpts
    #[arg(long)]
    json: bool,
    /// Change the files where a diagnostic has a fix that is sure to be what was meant
    #[arg(long)]
    fix: bool,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let checked = if arguments.fix { fixed(arguments) } else { checked(arguments) };
    let (compiler, diagnostics) = match checked {
        Ok(checked) => checked,
        Err(exit) => return exit,
    };
    if arguments.json {
        let all: Vec<Value> = diagnostics.iter().map(|each| to_json(each, compiler.files())).collect();
        println!("{}", json!({ "diagnostics": all }));
    } else {
        render::print(&diagnostics, compiler.files());
        if diagnostics.is_empty() {
            println!("no problems");
        } else {
            eprintln!("{}", render::counted(&diagnostics));
        }
    }
    let wrong = diagnostics.iter().any(|each| each.severity == Severity::Error);
    if wrong { Exit::Wrong } else { Exit::Fine }
}

fn checked(arguments: &Arguments) -> Result<(Compiler, Vec<Diagnostic>), Exit> {
    let compiler = arguments.program.load()?;
    let diagnostics = match compiler.build() {
        Ok((_, mut warnings)) => {
            warnings.extend(compiler.hygiene());
            warnings
        }
        Err(diagnostics) => diagnostics,
    };
    Ok((compiler, diagnostics))
}

/// Checks and mends until nothing more can be mended.
fn fixed(arguments: &Arguments) -> Result<(Compiler, Vec<Diagnostic>), Exit> {
    let mut total = 0;
    for _ in 0..MOST_ROUNDS {
        let (compiler, diagnostics) = checked(arguments)?;
        let (texts, count) = compiler.fixed(&diagnostics);
        if count == 0 {
            if total > 0 && !arguments.json {
                println!("mended {total} {}", if total == 1 { "problem" } else { "problems" });
            }
            return Ok((compiler, diagnostics));
        }
        total += count;
        for (name, text) in texts {
            let path = compiler.root().join(&name);
            if let Err(error) = std::fs::write(&path, text) {
                complain("E0914", &format!("cannot write `{}`: {error}", path.display()), Some("make it writable"));
                return Err(Exit::Wrong);
            }
        }
    }
    checked(arguments)
}
