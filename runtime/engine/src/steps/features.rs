//! A group's values for every entity, as they are now.

use mlsys_plan::{Features, NodeId};
use mlsys_store::Draft;
use serde_json::Value;

use super::{DATA, Work};
use crate::error::RunError;

pub(super) async fn execute(work: &Work<'_>, features: &Features, draft: &Draft) -> Result<Value, RunError> {
    let rows = work.rows_of(&NodeId::new("source", &features.source))?;
    let progress = work.progress();
    let report = work.dataflow().await?.values(features, &rows, &draft.file(DATA), &progress).await?;
    Ok(serde_json::to_value(report)?)
}
