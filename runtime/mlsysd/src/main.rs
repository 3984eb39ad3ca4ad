//! The binary that holds libtorch: `mlsysd train JOB.json`, `mlsysd judge JOB.json`, `mlsysd behave JOB.json`,
//! `mlsysd predict JOB.json`.
//!
//! Reads a job, prints its progress as one JSON object a line on the standard output, and leaves its results in the
//! job's output folder. It needs nothing of the language: only the plan's types.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a binary speaks")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mlsys_torch::TrainError;
use mlsys_training::TrainEvent;
use serde::de::DeserializeOwned;

/// The long-running side of mlsys: started by `mlsysc`, seldom by hand.
#[derive(Parser)]
#[command(name = "mlsysd", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a model
    Train {
        /// The job as `mlsysc` writes it
        job: PathBuf,
    },
    /// Hold a trained model against examples
    Judge {
        /// The job as `mlsysc` writes it
        job: PathBuf,
    },
    /// Change inputs of examples, and see how a trained model's predictions follow
    Behave {
        /// The job as `mlsysc` writes it
        job: PathBuf,
    },
    /// Let a trained model predict rows
    Predict {
        /// The job as `mlsysc` writes it
        job: PathBuf,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Train { job } => work(&job, |job| mlsys_torch::train(&job, &mut say).map(drop)),
        Command::Judge { job } => work(&job, |job| mlsys_torch::judge(&job, &mut say).map(drop)),
        Command::Behave { job } => work(&job, |job| mlsys_torch::behave(&job, &mut say).map(drop)),
        Command::Predict { job } => work(&job, |job| mlsys_torch::predict(&job, &mut say).map(drop)),
    }
}

/// Reads a job and does it.
fn work<Job: DeserializeOwned>(path: &Path, task: impl FnOnce(Job) -> Result<(), TrainError>) -> ExitCode {
    let job = match read(path) {
        Ok(job) => job,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match task(job) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&TrainEvent::Failed { code: error.code().to_owned(), message: error.to_string() });
            ExitCode::FAILURE
        }
    }
}

fn read<Job: DeserializeOwned>(path: &Path) -> Result<Job, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("`{}` is not a job: {error}", path.display()))
}

/// Prints an event. Nobody listens any more if that fails: whoever started this worker is gone, and so is its purpose.
fn say(event: &TrainEvent) {
    let mut out = std::io::stdout().lock();
    let line = serde_json::to_string(event).unwrap_or_default();
    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}
