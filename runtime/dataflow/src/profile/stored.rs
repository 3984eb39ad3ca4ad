//! Profiles of stored tables: by reading them, or from what their footers know.

use std::path::Path;
use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlanBuilder;
use futures::StreamExt;
use mlsys_plan::Source;

use super::footers::of_footers;
use super::{Making, Profile, ProfileReport};
use crate::error::DataError;
use crate::expr::column;
use crate::session::Dataflow;
use crate::table::StoredTable;
use crate::types::source_schema;

impl Dataflow {
    /// The profile of a source's stored table, by reading all of it.
    ///
    /// # Errors
    /// E0911 if the table cannot be read.
    pub async fn profile(&self, source: &Source, table: &Path) -> Result<Profile, DataError> {
        let stored = provider_as_source(Arc::new(StoredTable::open(table)?));
        let schema = source_schema(source);
        // The user's own files may have more columns, in another order.
        let columns = schema.fields().iter().map(|field| column(field.name()));
        let plan = LogicalPlanBuilder::scan("table", stored, None)?.project(columns)?.build()?;
        let mut rows = self.execute(&self.ordered_session(), plan, None).await?.rows;
        let profile = Making::begin(source);
        while let Some(batch) = rows.next().await {
            profile.add(&batch?).await;
        }
        profile.finish().await
    }

    /// What the footers of a source's stored table know: how many rows there are and how many values are missing, and the
    /// least and greatest numbers and instants.
    ///
    /// # Errors
    /// E0911 if a footer cannot be read.
    pub fn profile_of_footers(&self, source: &Source, table: &Path) -> Result<ProfileReport, DataError> {
        of_footers(source, table)
    }
}
