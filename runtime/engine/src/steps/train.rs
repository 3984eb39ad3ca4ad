//! Training, in a process of its own.

use mlsys_plan::Train;
use mlsys_store::Draft;
use mlsys_training::TrainJob;
use serde_json::Value;

use super::{MODEL, REPORT, Work};
use crate::error::RunError;
use crate::worker::{self, Task};

pub(super) async fn execute(work: &Work<'_>, train: &Train, draft: &Draft) -> Result<Value, RunError> {
    let examples: Result<Vec<_>, RunError> = work.node.inputs.iter().map(|input| work.rows_of(input)).collect();
    let output = draft.file(MODEL);
    let job =
        TrainJob { train: train.clone(), examples: examples?, output: output.clone(), threads: work.options.threads };
    draft.write("job.json", &job)?;
    worker::work(Task::Train, &work.options.worker, &draft.file("job.json"), work.node, work.observer).await?;
    let path = output.join(REPORT);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        RunError::new("E0921", format!("the training worker left no report in `{}`: {error}", path.display()), None)
    })?;
    Ok(serde_json::from_str(&text)?)
}
