//! Examples of a model.

use mlsys_plan::{NodeId, Observe};
use mlsys_store::Draft;
use serde_json::Value;

use super::{DATA, Work};
use crate::error::RunError;

pub(super) async fn execute(work: &Work<'_>, observe: &Observe, draft: &Draft) -> Result<Value, RunError> {
    let rows = work.rows_of(&NodeId::new("source", &observe.source))?;
    let progress = work.progress();
    let report = work.dataflow().await?.observe(observe, &rows, &draft.file(DATA), &progress).await?;
    Ok(serde_json::to_value(report)?)
}
