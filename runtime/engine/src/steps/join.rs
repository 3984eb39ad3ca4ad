//! A group's features at every example.

use mlsys_plan::{Join, NodeId};
use mlsys_store::Draft;
use serde_json::Value;

use super::{DATA, Work};
use crate::error::RunError;
use crate::fingerprints::{group_of, used};

pub(super) async fn execute(work: &Work<'_>, join: &Join, draft: &Draft) -> Result<Value, RunError> {
    let group = group_of(work.plan, work.node).ok_or_else(|| RunError::internal("a join without a group"))?;
    let group = used(group, join);
    let observations = work.rows_of(&NodeId::new("observe", &join.model))?;
    let rows = work.rows_of(&NodeId::new("source", &group.source))?;
    let progress = work.progress();
    let table = draft.file(DATA);
    let report =
        work.dataflow().await?.join(join, &group, &observations, &rows, work.target(&table), &progress).await?;
    Ok(serde_json::to_value(report)?)
}
