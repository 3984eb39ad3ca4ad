//! `mlsysc check`: diagnostics only.

use clap::Args;
use mlsys_diagnostics::{Severity, to_json};
use serde_json::{Value, json};

use super::{Exit, Program};
use crate::render;

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// Print one JSON object with all diagnostics instead of excerpts
    #[arg(long)]
    json: bool,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let compiler = match arguments.program.load() {
        Ok(compiler) => compiler,
        Err(exit) => return exit,
    };
    let diagnostics = match compiler.build() {
        Ok((_, warnings)) => warnings,
        Err(diagnostics) => diagnostics,
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
