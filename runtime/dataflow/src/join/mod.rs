//! Join nodes: a group's features at every observation, the point-in-time join.

mod exec;
mod node;
mod plan;
mod planner;
mod runs;
mod windows;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use datafusion::datasource::provider_as_source;
use futures::StreamExt;
use mlsys_plan::{Features, Join, columns};
use serde::{Deserialize, Serialize};

pub(crate) use self::plan::{Asked, Inputs, beside, kernel, logical_plan, output_schema};
pub(crate) use self::planner::PointInTimePlanner;

use self::exec::observations_done;
use crate::error::DataError;
use crate::lookup::bind;
use crate::session::{Dataflow, Execution};
use crate::sink::Sink;
use crate::source::Progress;
use crate::table::StoredTable;

/// How often progress is reported.
const PROGRESS: Duration = Duration::from_millis(100);

/// What a point-in-time join came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinReport {
    /// Observations, each with one row of features.
    pub rows: u64,
    /// The feature columns, in order.
    pub columns: Vec<String>,
    /// Rows of the group's source.
    pub events: u64,
    /// How the plan ran, operator by operator, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<String>,
}

impl Dataflow {
    /// Writes a group's features at every observation to `output`: one Parquet file, one column `GROUP.FEATURE` per
    /// wanted feature, one row per observation in the observations' order.
    ///
    /// At an observation at `t` a window of width `w` holds the entity's rows with `t - w <= at < t`; a row without
    /// an instant or with a missing key is never seen. Rows of one instant are ordered by the source's key columns;
    /// where a source has no key, by the values that `first` and `last` choose from, and then by their place.
    ///
    /// # Errors
    /// E0903 if an integer sum leaves its range, E0910 if an aggregate or function is not known, E0911 if a file
    /// cannot be read or written, E0912.
    pub async fn join(
        &self,
        join: &Join,
        features: &Features,
        observations: &Path,
        source_file: &Path,
        output: &Path,
        progress: Progress<'_>,
    ) -> Result<JoinReport, DataError> {
        let left = Arc::new(StoredTable::open(observations)?);
        let right = Arc::new(StoredTable::open(source_file)?);
        let (expected, events) = (left.rows(), right.rows());
        let span = left.span(columns::AT)?;
        let inputs = Inputs { observations: provider_as_source(left), events: provider_as_source(right), span };
        let look_up = |plan| bind(plan, self.tables(), features.time.as_deref());
        let plan = logical_plan(join, features, inputs, &look_up)?;
        let session = self.parallel_session();
        let Execution { plan, mut rows } = self.execute(&session, plan, None).await?;
        let schema = output_schema(join, features)?;
        let mut table = Sink::create(output, &schema)?;
        let mut done = 0;
        let mut clock = tokio::time::interval(PROGRESS);
        loop {
            tokio::select! {
                biased;
                batch = rows.next() => {
                    let Some(batch) = batch.transpose()? else { break };
                    done += batch.num_rows() as u64;
                    table.write(RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?).await?;
                }
                // The observations' order is restored at the end: until then only the operator knows how far it is.
                _ = clock.tick() => progress(observations_done(&plan)),
            }
        }
        if done != expected {
            return Err(DataError::internal(format!("the join gave {done} rows for {expected} observations")));
        }
        progress(done);
        table.finish().await?.publish()?;
        let columns = schema.fields().iter().map(|field| field.name().clone()).collect();
        Ok(JoinReport { rows: done, columns, events, explain: self.explained(plan.as_ref()) })
    }
}
