//! Training, in a process of its own.

use std::path::{Path, PathBuf};

use mlsys_dataflow::files_of;
use mlsys_plan::{NodeId, Observe, Operation, Train};
use mlsys_store::Draft;
use mlsys_training::{TrainJob, workers};
use serde_json::Value;

use super::{CHECKPOINTS, CHOSEN, MODEL, REPORT, Work};
use crate::error::RunError;
use crate::module::module_file;
use crate::worker::{self, Task};

pub(super) async fn execute(work: &Work<'_>, train: &Train, draft: &Draft) -> Result<Value, RunError> {
    let mut examples =
        work.node.inputs.iter().map(|input| work.rows_of(input)).collect::<Result<Vec<_>, RunError>>()?;
    examples.extend(choose(work, train, &examples, draft).await?);
    let output = draft.file(MODEL);
    let count = workers(train);
    let job = TrainJob {
        // What judges a training has no part in it: with other tests a training that was cut off goes on.
        train: Train { behaviours: Vec::new(), ..train.clone() },
        examples: files(&examples)?,
        output: output.clone(),
        checkpoints: work.fingerprint.map(|fingerprint| of_model(work, train).join(fingerprint.as_str())),
        module: module_file(train, &work.options.project)?,
        threads: threads_of_each(work.options.threads, count),
    };
    draft.write("job.json", &job)?;
    let (worker, file) = (&work.options.worker, draft.file("job.json"));
    if count == 1 {
        worker::work(Task::Train, worker, &file, work.node, work.observer).await?;
    } else {
        worker::train_together(count, worker, &file, work.node, work.observer).await?;
    }
    // What is left there belongs to trainings that were cut off and have another definition by now.
    let _ = std::fs::remove_dir_all(of_model(work, train));
    let path = output.join(REPORT);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        RunError::new("E0921", format!("the training worker left no report in `{}`: {error}", path.display()), None)
    })?;
    Ok(serde_json::from_str(&text)?)
}

/// The threads of each of several workers: they share the machine.
fn threads_of_each(threads: Option<u32>, workers: u32) -> Option<u32> {
    if workers == 1 {
        return threads;
    }
    let cores = || std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    Some((threads.unwrap_or_else(cores) / workers).max(1))
}

/// Where trainings of the model keep checkpoints, so that one that is cut off goes on in the next run.
fn of_model(work: &Work<'_>, train: &Train) -> PathBuf {
    work.parts.root.join(CHECKPOINTS).join(&train.model)
}

/// The parts of examples where a condition on features chooses among them.
async fn choose(
    work: &Work<'_>,
    train: &Train,
    examples: &[PathBuf],
    draft: &Draft,
) -> Result<Option<PathBuf>, RunError> {
    let observe = work.plan.node(&NodeId::new("observe", &train.model)).map(|node| &node.operation);
    let Some(Operation::Observe(Observe { feature_filter: Some(condition), .. })) = observe else { return Ok(None) };
    let Some((rows, features)) = examples.split_first() else { return Ok(None) };
    let features: Vec<&Path> = features.iter().map(PathBuf::as_path).collect();
    let chosen = draft.file(CHOSEN);
    work.dataflow.choose(condition, rows, &features, &chosen).await?;
    Ok(Some(chosen))
}

/// The files of each table, and of columns that were made apart.
fn files(tables: &[PathBuf]) -> Result<Vec<Vec<PathBuf>>, RunError> {
    let tables = tables.iter().map(|table| Ok(files_of(table)?)).collect::<Result<Vec<_>, RunError>>()?;
    Ok(tables.concat())
}
