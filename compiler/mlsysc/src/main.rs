//! The binary users call: `mlsysc check`, `build`, `run`, `explain`, `graph`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a binary speaks")]

mod commands;
mod files;
mod memory;
mod render;

use std::process::ExitCode;

use clap::Parser;

/// Machine-learning systems, declared: checks, compiles and runs `.mlsys` programs.
#[derive(Parser)]
#[command(name = "mlsysc", version, max_term_width = 100)]
#[command(
    after_help = "Exit status: 0 fine, 1 the program or the data is wrong, 2 wrong usage, 3 a gate was not met, \
                        4 an external system failed."
)]
struct Cli {
    #[command(subcommand)]
    command: commands::Command,
}

fn main() -> ExitCode {
    memory::keep_freed();
    commands::execute(Cli::parse().command).into()
}
