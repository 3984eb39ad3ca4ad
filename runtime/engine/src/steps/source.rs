//! Sources: read, derived, checked.

use mlsys_plan::Source;
use mlsys_store::Draft;
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
