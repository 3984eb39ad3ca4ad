//! The binary that holds libtorch: `mlsysd train JOB.json`, `mlsysd judge JOB.json`, `mlsysd behave JOB.json`,
//! `mlsysd predict JOB.json`, `mlsysd serve JOB.json`.
//!
//! Reads a job, prints its progress as one JSON object a line on the standard output, and leaves its results in the
//! job's output folder. It needs nothing of the language: only the plan's types.

#![allow(clippy::print_stderr, reason = "a binary speaks")]

mod joining;
mod serving;
mod speech;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mlsys_torch::TrainError;
use mlsys_training::{TrainEvent, TrainJob};
use serde::de::DeserializeOwned;

use joining::{Joining, Member};
use speech::Speech;

/// A request takes some hundred small pieces of memory, on all threads at once: with the system's allocator that was a
/// quarter of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The long-running side of mlsys: started by `mlsysc`, seldom by hand.
#[derive(Parser)]
#[command(name = "mlsysd", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train a model, alone or as one of several processes
    Train {
        /// The job as `mlsysc` writes it
        job: PathBuf,
        /// Where the model goes, instead of the folder that the job names
        #[arg(long, value_name = "FOLDER")]
        output: Option<PathBuf>,
        #[command(flatten)]
        joining: Joining,
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
    /// Keep features fresh from streams, and answer requests
    Serve {
        /// The job as `mlsysc` writes it
        job: PathBuf,
    },
}

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Train { job, output, joining } => match joining.member(&|name| std::env::var(name).ok()) {
            Ok(None) => work(&job, |job, say| mlsys_torch::train(&directed(job, output), say).map(drop)),
            Ok(Some(member)) => work(&job, |job, say| train_together(&directed(job, output), &member, say)),
            Err(message) => wrong(&format!("{message}\n\nFor more information, try '--help'.")),
        },
        Command::Judge { job } => work(&job, |job, say| mlsys_torch::judge(&job, say).map(drop)),
        Command::Behave { job } => work(&job, |job, say| mlsys_torch::behave(&job, say).map(drop)),
        Command::Predict { job } => work(&job, |job, say| mlsys_torch::predict(&job, say).map(drop)),
        Command::Serve { job } => serving::execute(&job),
    }
}

/// Reads a job and does it.
fn work<Job: DeserializeOwned>(
    path: &Path,
    task: impl FnOnce(Job, &mut dyn FnMut(&TrainEvent)) -> Result<(), TrainError>,
) -> ExitCode {
    let speech = Speech::claim().map_err(|error| format!("cannot speak: {error}"));
    let (job, mut speech) = match read(path).and_then(|job| Ok((job, speech?))) {
        Ok(both) => both,
        Err(message) => return wrong(&message),
    };
    match task(job, &mut |event| speech.say(event)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            speech.say(&TrainEvent::Failed { code: error.code().to_owned(), message: error.to_string() });
            ExitCode::FAILURE
        }
    }
}

/// A job whose model goes where it was asked to.
fn directed(job: TrainJob, output: Option<PathBuf>) -> TrainJob {
    TrainJob { output: output.unwrap_or(job.output.clone()), ..job }
}

/// Trains as one of several processes. Rank 0 speaks for all; of others only a failure is heard.
fn train_together(job: &TrainJob, member: &Member, say: &mut dyn FnMut(&TrainEvent)) -> Result<(), TrainError> {
    let mut speak = |event: &TrainEvent| {
        if member.place.rank == 0 {
            say(event);
        }
    };
    let group = mlsys_torch::join(job, &member.at, member.place, member.timeout, &mut speak)?;
    mlsys_torch::train_in(job, &group, &mut speak).map(drop)
}

/// What a wrong call is answered.
fn wrong(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(2)
}

fn read<Job: DeserializeOwned>(path: &Path) -> Result<Job, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("`{}` is not a job: {error}", path.display()))
}
