//! What tells rows from others: their keys and times, whatever else is computed or expected of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::row::{RowConverter, SortField};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::{StreamExt, TryStreamExt, stream};
use mlsys_plan::Source;
use sha2::{Digest, Sha256};

use crate::error::DataError;
use crate::expr::column;
use crate::parts::Parts;
use crate::session::{Dataflow, Execution};
use crate::table::{Member, StoredTable};

/// What is told of all parts together: their names.
const NAMES: &str = "rows";

/// The columns by which rows of a source are known: its key and its time, or all declared ones where it has no key.
pub(super) fn columns_of(source: &Source) -> Vec<String> {
    if source.key.is_empty() {
        return source.schema.iter().map(|field| field.name.clone()).collect();
    }
    let time = source.time.iter().filter(|time| !source.key.contains(time));
    source.key.iter().chain(time).cloned().collect()
}

impl Dataflow {
    /// A name for each part of a source, which is a fingerprint of these columns of its rows. A part comes with what its
    /// content depends on; names that were found before are not looked for again.
    ///
    /// # Errors
    /// E0911 if a part cannot be read.
    pub(super) async fn names(
        &self,
        columns: &[String],
        pieces: Vec<(String, Vec<Member>)>,
        parts: Parts<'_>,
    ) -> Result<Vec<String>, DataError> {
        let (of, known): (Vec<String>, BTreeMap<String, String>) = parts.told(NAMES).unwrap_or_default();
        let known = if of == columns { known } else { BTreeMap::new() };
        let one = |(id, members): (String, Vec<Member>)| {
            let known = known.get(&id).cloned();
            async move {
                let name = match known {
                    Some(name) => name,
                    None => self.name(columns, members).await?,
                };
                Ok::<_, DataError>((id, name))
            }
        };
        let all: Vec<_> = stream::iter(pieces).map(one).buffered(self.threads()).try_collect().await?;
        let found: BTreeMap<String, String> = all.iter().cloned().collect();
        if of != columns || found != known {
            parts.tell(NAMES, &(columns, &found))?;
        }
        Ok(all.into_iter().map(|(_, name)| name).collect())
    }

    async fn name(&self, columns: &[String], members: Vec<Member>) -> Result<String, DataError> {
        let table = provider_as_source(Arc::new(StoredTable::of(members)?));
        let outputs: Vec<_> = columns.iter().map(|name| column(name)).collect();
        let plan = LogicalPlanBuilder::scan("rows", table, None)?.project(outputs)?.build()?;
        let types = plan.schema().fields().iter().map(|field| SortField::new(field.data_type().clone()));
        let converter = RowConverter::new(types.collect())?;
        let Execution { mut rows, .. } = self.execute(&self.ordered_session(), plan, None).await?;
        let mut hasher = Sha256::new();
        while let Some(batch) = rows.next().await {
            for row in &converter.convert_columns(batch?.columns())? {
                let bytes: &[u8] = row.as_ref();
                hasher.update((bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            }
        }
        Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}
