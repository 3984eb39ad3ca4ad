//! `mlsysc graph`: the graph of a program.

use clap::{Args, ValueEnum};
use mlsys_driver::{to_dot, to_tree};

use super::{Exit, Program, planned};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    program: Program,
    /// How the graph is drawn
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// An indented list
    Text,
    /// The DOT language of Graphviz
    Dot,
}

pub(crate) fn execute(arguments: &Arguments) -> Exit {
    let plan = match arguments.program.load().and_then(|compiler| planned(&compiler)) {
        Ok(plan) => plan,
        Err(exit) => return exit,
    };
    print!(
        "{}",
        match arguments.format {
            Format::Text => to_tree(&plan),
            Format::Dot => to_dot(&plan),
        }
    );
    Exit::Fine
}
