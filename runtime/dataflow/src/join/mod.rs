//! Join nodes: a group's features at every observation, the point-in-time join.

mod divided;
mod events;
mod exec;
mod node;
mod plan;
mod planner;
mod reach;
mod runs;
mod sets;
mod tiles;
mod values;
mod windows;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use datafusion::datasource::provider_as_source;
use futures::StreamExt;
use mlsys_plan::{Features, Join, columns};
use serde::{Deserialize, Serialize};

pub(crate) use self::events::{Events, kernel};
pub(crate) use self::exec::PointInTimeExec;
pub(crate) use self::node::Spec;
pub(crate) use self::plan::{Asked, Inputs, beside, logical_plan, output_schema};
pub(crate) use self::planner::PointInTimePlanner;
pub(crate) use self::tiles::{TileExec, TilePlanner, TileSpec};
pub use self::values::{AS_OF, ValuesReport};

use self::divided::divided;
use self::exec::observations_done;
use crate::error::DataError;
use crate::lookup::bind;
use crate::parts::{PartsReport, Target};
use crate::session::{Dataflow, Execution};
use crate::sink::Sinks;
use crate::source::Progress;
use crate::table::{Manifest, Member, StoredTable};

/// How often progress is reported.
const PROGRESS: Duration = Duration::from_millis(100);

/// Where there are so many times as many events as observations, most of them have keys that nobody asks for.
const FEW: u64 = 20;

/// What a point-in-time join came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinReport {
    /// Observations, each with one row of features.
    pub rows: u64,
    /// The feature columns, in order.
    pub columns: Vec<String>,
    /// Rows of the group's source.
    pub events: u64,
    /// How much of it there was already, where it is kept in parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<PartsReport>,
    /// How the plan ran, operator by operator, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explain: Option<String>,
}

impl Dataflow {
    /// Writes a group's features at every observation to `output`: one column `GROUP.FEATURE` per wanted feature, one row
    /// per observation in the observations' order. In parts, there is one for each part of the observations; it depends on
    /// the parts of the source of which a window may see a row.
    ///
    /// At an observation at `t` a window of width `w` holds the entity's rows with `t - w <= at < t`; a row without
    /// an instant or with a missing key is never seen. Rows of one instant are ordered by the source's key columns;
    /// where a source has no key, by the values that `first` and `last` choose from, and then by their place.
    ///
    /// # Errors
    /// E0903 if an integer sum leaves its range, E0910 if an aggregate or function is not known, E0911 if a file
    /// cannot be read or written, E0912.
    pub async fn join<'t>(
        &self,
        join: &Join,
        features: &Features,
        observations: &Path,
        source_table: &Path,
        output: impl Into<Target<'t>>,
        progress: Progress<'_>,
    ) -> Result<JoinReport, DataError> {
        let Target { table, parts } = output.into();
        let work = Work { dataflow: self, join, features };
        let (observations, source) = (Manifest::of(observations)?.files, Manifest::of(source_table)?.files);
        let mut report = JoinReport {
            rows: observations.iter().map(|member| member.rows).sum(),
            columns: output_schema(join, features)?.fields().iter().map(|field| field.name().clone()).collect(),
            events: source.iter().map(|member| member.rows).sum(),
            parts: None,
            explain: None,
        };
        let is_divided = observations.iter().chain(&source).all(|member| member.id.is_some());
        match parts.filter(|_| is_divided) {
            None => {
                let sinks = vec![(table.to_owned(), report.rows)];
                let seen = Seen { features, rows: source, tiles: Vec::new() };
                report.explain = work.write(&observations, seen, sinks, progress).await?;
            }
            Some(parts) => {
                let found = divided(&work, parts, &observations, &source, progress).await?;
                found.manifest.write(table, Some(parts.root))?;
                (report.parts, report.explain) = (Some(found.report), found.explain);
            }
        }
        progress(report.rows);
        Ok(report)
    }
}

/// A join at work.
struct Work<'a> {
    dataflow: &'a Dataflow,
    join: &'a Join,
    features: &'a Features,
}

/// What is read of a group's source.
struct Seen<'a> {
    /// The group; where there are tiles, with aggregates that these have.
    features: &'a Features,
    rows: Vec<Member>,
    /// Tiles, which stand for other rows.
    tiles: Vec<Member>,
}

impl Work<'_> {
    /// Writes the features of observations to tables, of which each takes so many rows.
    async fn write(
        &self,
        observations: &[Member],
        seen: Seen<'_>,
        sinks: Vec<(PathBuf, u64)>,
        progress: Progress<'_>,
    ) -> Result<Option<String>, DataError> {
        let Work { dataflow, join, .. } = self;
        let Seen { features, rows, tiles } = seen;
        let left = Arc::new(StoredTable::of(observations.to_vec())?);
        let right = [rows, tiles].map(|members| (!members.is_empty()).then(|| StoredTable::of(members).map(Arc::new)));
        let [rows, tiles] = right.map(Option::transpose);
        let (rows, tiles) = (rows?, tiles?);
        let count: u64 = [&rows, &tiles].into_iter().flatten().map(|table| table.rows()).sum();
        let branch = |table: Arc<StoredTable>| provider_as_source(table).into();
        let events = Events {
            span: left.span(columns::AT)?,
            are_few: left.rows().saturating_mul(FEW) < count,
            rows: rows.map(branch),
            tiles: tiles.map(branch),
        };
        let inputs = Inputs { observations: provider_as_source(left), events };
        let look_up = |plan| bind(plan, dataflow.tables(), features.time.as_deref());
        let plan = logical_plan(join, features, inputs, &look_up)?;
        let session = dataflow.parallel_session();
        let Execution { plan, mut rows } = dataflow.execute(&session, plan, None).await?;
        let schema = output_schema(join, features)?;
        let mut tables = Sinks::new(sinks, &schema);
        let mut clock = tokio::time::interval(PROGRESS);
        loop {
            tokio::select! {
                biased;
                batch = rows.next() => {
                    let Some(batch) = batch.transpose()? else { break };
                    tables.write(RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?).await?;
                }
                // The observations' order is restored at the end: until then only the operator knows how far it is.
                _ = clock.tick() => progress(observations_done(&plan)),
            }
        }
        tables.finish().await?;
        Ok(dataflow.explained(plan.as_ref()))
    }
}
