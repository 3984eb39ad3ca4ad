//! The binary that holds libtorch: `mlsysd train JOB.json`, `mlsysd judge JOB.json`,
//! `mlsysd predict JOB.json`.
//!
//! Reads a job, prints its progress as one JSON object a line on the standard output, and leaves its results in the
//! job's output folder. It needs nothing of the language: only the plan's types.

#![allow(clippy::print_stderr, reason = "a binary speaks")]

mod speech;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mlsys_torch::TrainError;
use mlsys_training::TrainEvent;
use serde::de::DeserializeOwned;
use speech::Speech;

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
    /// Let a trained model predict rows
    Predict {
        /// The job as `mlsysc` writes it
        job: PathBuf,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Train { job } => work(&job, |job, say| mlsys_torch::train(&job, say).map(drop)),
        Command::Judge { job } => work(&job, |job, say| mlsys_torch::judge(&job, say).map(drop)),
        Command::Predict { job } => work(&job, |job, say| mlsys_torch::predict(&job, say).map(drop)),
    }
}

/// Does a job, which is told about its progress.
type Task<Job> = fn(Job, &mut dyn FnMut(&TrainEvent)) -> Result<(), TrainError>;

/// Reads a job and does it.
fn work<Job: DeserializeOwned>(path: &Path, task: Task<Job>) -> ExitCode {
    let speech = Speech::claim().map_err(|error| format!("cannot speak: {error}"));
    let (job, mut speech) = match read(path).and_then(|job| Ok((job, speech?))) {
        Ok(both) => both,
        Err(message) => {
            eprintln!("{message}");
            return ExitCode::from(2);
        }
    };
    match task(job, &mut |event| speech.say(event)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            speech.say(&TrainEvent::Failed { code: error.code().to_owned(), message: error.to_string() });
            ExitCode::FAILURE
        }
    }
}

fn read<Job: DeserializeOwned>(path: &Path) -> Result<Job, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("`{}` is not a job: {error}", path.display()))
}
