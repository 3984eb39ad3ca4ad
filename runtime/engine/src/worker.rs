//! Training workers: processes of their own, so that a crash in native code loses one node and not the run.

mod together;

use std::path::Path;
use std::process::{ExitStatus, Stdio};

use mlsys_plan::Node;
use mlsys_training::TrainEvent;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::error::RunError;
use crate::event::{Event, Observer};

pub(crate) use together::train_together;

/// How much of a worker's error output is kept.
const MAX_STDERR: u64 = 64 << 10;

/// Variables that would make a worker one of others, if this program itself was started among such.
const OF_OTHERS: [&str; 5] = ["RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"];

/// What a worker is asked to do: its subcommand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Learn a model.
    Train,
    /// Hold a model against examples.
    Judge,
    /// See how a model's predictions follow its inputs.
    Behave,
    /// Let a model predict rows.
    Predict,
}

impl Task {
    fn subcommand(self) -> &'static str {
        match self {
            Task::Train => "train",
            Task::Judge => "judge",
            Task::Behave => "behave",
            Task::Predict => "predict",
        }
    }
}

/// Runs a worker on a job until it is done. The worker is ended when this is dropped.
pub(crate) async fn work(
    task: Task,
    worker: &Path,
    job: &Path,
    node: &Node,
    observer: Observer<'_>,
) -> Result<(), RunError> {
    let mut child = start(task, worker, job, &[])?;
    let complaints = child.stderr.take().map(|stderr| tokio::spawn(read_tail(stderr)));
    let failure = listen(&mut child, node, observer).await?;
    let status = child.wait().await.map_err(|error| lost(&error.to_string()))?;
    let complaints = match complaints {
        Some(reading) => reading.await.unwrap_or_default(),
        None => String::new(),
    };
    match failure {
        Some(failure) => Err(failure),
        None if status.success() => Ok(()),
        None => Err(ended("the training worker", status, &complaints)),
    }
}

fn start(task: Task, worker: &Path, job: &Path, options: &[String]) -> Result<Child, RunError> {
    let mut command = Command::new(worker);
    OF_OTHERS.iter().for_each(|name| {
        command.env_remove(name);
    });
    let command = command
        .arg(task.subcommand())
        .arg(job)
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    command.map_err(|error| {
        let message = format!("the training worker `{}` could not be started: {error}", worker.display());
        let help = "build it with `cargo build -p mlsysd`, or name it in the environment variable MLSYSD";
        RunError::new("E0920", message, Some(help))
    })
}

/// Passes on what the worker says; the failure that it reports, if it does.
async fn listen(child: &mut Child, node: &Node, observer: Observer<'_>) -> Result<Option<RunError>, RunError> {
    let Some(stdout) = child.stdout.take() else { return Ok(None) };
    let mut lines = BufReader::new(stdout).lines();
    let mut failure = None;
    while let Some(line) = lines.next_line().await.map_err(|error| lost(&error.to_string()))? {
        // libtorch may print lines of its own: they are no events.
        let Ok(event) = serde_json::from_str::<TrainEvent>(&line) else { continue };
        if let TrainEvent::Failed { code, message } = &event {
            failure = Some(RunError::new(code, message.clone(), None));
        }
        observer(Event::Training { node, event: &event });
    }
    Ok(failure)
}

async fn read_tail(mut stderr: tokio::process::ChildStderr) -> String {
    let mut bytes = Vec::new();
    // What cannot be read cannot be shown; the worker's end is reported either way.
    let _ = (&mut stderr).take(MAX_STDERR).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

fn lost(reason: &str) -> RunError {
    RunError::new("E0921", format!("the training worker was lost: {reason}"), Some(AGAIN))
}

const AGAIN: &str = "everything else of this run stands: run again";

fn ended(who: &str, status: ExitStatus, complaints: &str) -> RunError {
    let last = complaints.lines().rev().find(|line| !line.trim().is_empty());
    if let Some(signal) = signal(status) {
        let hint = if signal == 9 { ", as the system does when memory runs out" } else { "" };
        let message = format!("{who} was killed by signal {signal}{hint}");
        return RunError::new("E0921", message, Some(AGAIN));
    }
    let code = status.code().map_or_else(|| "an unknown status".to_owned(), |code| format!("status {code}"));
    let said = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
    RunError::new("E0922", format!("{who} ended with {code}{said}"), Some(AGAIN))
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_status: ExitStatus) -> Option<i32> {
    None
}
