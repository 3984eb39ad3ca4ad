//! Groups' features at every example.

use std::path::PathBuf;

use mlsys_dataflow::{Dataflow, GroupJoin, join_groups};
use mlsys_plan::{Features, Join, NodeId, Operation};
use mlsys_store::Draft;
use serde_json::Value;

use super::{DATA, Work};
use crate::error::RunError;
use crate::fingerprints::{group_of, used};

/// A join that is to be made, and what it reads.
struct Input<'a> {
    join: &'a Join,
    group: Features,
    dataflow: Dataflow,
    source: PathBuf,
    table: PathBuf,
}

/// Makes joins of one model's examples into their drafts, in as few passes as there may be; their reports.
pub(crate) async fn execute(works: &[Work<'_>], drafts: &[Draft]) -> Result<Vec<Value>, RunError> {
    let mut inputs = Vec::new();
    for (work, draft) in works.iter().zip(drafts) {
        let Operation::Join(join) = &work.node.operation else { return Err(RunError::internal("no join")) };
        let group = group_of(work.plan, work.node).ok_or_else(|| RunError::internal("a join without a group"))?;
        let group = used(group, join);
        let source = work.rows_of(&NodeId::new("source", &group.source))?;
        inputs.push(Input { join, group, dataflow: work.dataflow().await?, source, table: draft.file(DATA) });
    }
    let (Some(first), Some(input)) = (works.first(), inputs.first()) else { return Ok(Vec::new()) };
    let observations = first.rows_of(&NodeId::new("observe", &input.join.model))?;
    let joins = works.iter().zip(&inputs).map(|(work, input)| GroupJoin {
        dataflow: &input.dataflow,
        join: input.join,
        features: &input.group,
        source_table: &input.source,
        output: work.target(&input.table),
    });
    let progress = first.progress();
    let reports = join_groups(&joins.collect::<Vec<_>>(), &observations, &progress).await?;
    reports.iter().map(|report| Ok(serde_json::to_value(report)?)).collect()
}
