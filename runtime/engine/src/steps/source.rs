//! Sources: read, derived, checked.

use mlsys_dataflow::{Dataflow, SourceReport};
use mlsys_plan::Source;
use mlsys_store::{Draft, Slot};
use serde_json::Value;

use super::{DATA, Work};
use crate::error::RunError;

pub(super) async fn execute(work: &Work<'_>, source: &Source, draft: &Draft) -> Result<Value, RunError> {
    let output = draft.file(DATA);
    let progress = work.progress();
    let report =
        work.dataflow().await?.source(source, &work.options.project, &output, &work.quarantine, &progress).await?;
    Ok(serde_json::to_value(report)?)
}

/// The report of a source, together with the checks on the age of its rows, in declared order.
pub(super) async fn conclude(
    dataflow: &Dataflow,
    source: &Source,
    slot: &Slot,
    report: Value,
) -> Result<Value, RunError> {
    let fresh = dataflow.fresh(source, &slot.file(DATA)).await?;
    if fresh.is_empty() {
        return Ok(report);
    }
    let mut report: SourceReport = serde_json::from_value(report)?;
    report.table_checks.extend(fresh);
    report.table_checks.sort_by_key(|check| check.line);
    Ok(serde_json::to_value(report)?)
}
