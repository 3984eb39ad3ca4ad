//! Sources: read, derived, checked.

use mlsys_dataflow::{Dataflow, SourceReport};
use mlsys_plan::Source;
use mlsys_store::{Draft, Slot};
use serde_json::Value;

use super::{DATA, Work};
use crate::error::RunError;
use crate::profiles;
use crate::run::Options;

pub(super) async fn execute(work: &Work<'_>, source: &Source, draft: &Draft) -> Result<Value, RunError> {
    let output = draft.file(DATA);
    let progress = work.progress();
    let dataflow = work.dataflow().await?;
    let (project, quarantine) = (&work.options.project, &work.quarantine);
    let read =
        dataflow.source_in_parts(source, project, &output, work.parts, work.files, quarantine, &progress).await?;
    profiles::keep(&dataflow, source, read.profile.as_ref(), draft)?;
    Ok(serde_json::to_value(read.report)?)
}

/// The report of a source, together with the checks on the age of its rows, in declared order. Its profile is completed if
/// that is asked for.
pub(super) async fn conclude(
    dataflow: &Dataflow,
    options: &Options,
    source: &Source,
    slot: &Slot,
    report: Value,
) -> Result<Value, RunError> {
    if options.profiles {
        profiles::complete(dataflow, source, slot).await?;
    }
    let fresh = dataflow.fresh(source, &slot.file(DATA)).await?;
    if fresh.is_empty() {
        return Ok(report);
    }
    let mut report: SourceReport = serde_json::from_value(report)?;
    report.table_checks.extend(fresh);
    report.table_checks.sort_by_key(|check| check.line);
    Ok(serde_json::to_value(report)?)
}
