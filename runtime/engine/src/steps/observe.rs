//! Examples of a model.

use std::collections::BTreeSet;

use mlsys_dataflow::Ahead;
use mlsys_plan::{NodeId, Observe};
use mlsys_store::Draft;
use serde_json::Value;

use super::{DATA, Work};
use crate::error::RunError;

pub(super) async fn execute(work: &Work<'_>, observe: &Observe, draft: &Draft) -> Result<Value, RunError> {
    let rows = work.rows_of(&NodeId::new("source", &observe.source))?;
    let names: BTreeSet<&str> = observe.label.iter().flat_map(|label| &label.looks).map(|look| &*look.source).collect();
    let read = names.into_iter().map(|name| Ok((work.source(name)?, work.rows_of(&NodeId::new("source", name))?)));
    let read = read.collect::<Result<Vec<_>, RunError>>()?;
    let ahead: Vec<Ahead<'_>> = read.iter().map(|(source, table)| Ahead { source, table }).collect();
    let progress = work.progress();
    let table = draft.file(DATA);
    let report = work.dataflow().await?.observe(observe, &rows, &ahead, work.target(&table), &progress).await?;
    Ok(serde_json::to_value(report)?)
}
