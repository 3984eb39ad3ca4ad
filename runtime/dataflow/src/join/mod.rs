//! Join nodes: a group's features at every observation, the point-in-time join.

mod asked;
mod divided;
mod events;
mod exec;
mod node;
mod passes;
mod plan;
mod planner;
mod reach;
mod runs;
mod sets;
mod tiles;
mod values;
mod windows;

use std::path::Path;

use mlsys_plan::{Features, Join};
use serde::{Deserialize, Serialize};

pub(crate) use self::divided::source_span;
pub(crate) use self::events::{Events, Shape, kernel, row_columns, seen};
pub(crate) use self::exec::PointInTimeExec;
pub use self::node::Frame;
pub(crate) use self::node::{Measurement, Spec};
pub(crate) use self::plan::{Asked, Inputs, beside, logical_plan, output_name, output_schema};
pub(crate) use self::planner::PointInTimePlanner;
pub(crate) use self::reach::Reach;
pub(crate) use self::tiles::{TileExec, TilePlanner, TileSpec};
pub use self::values::{AS_OF, ValuesReport};

use self::divided::divided;
use self::passes::Unit;
use crate::error::DataError;
use crate::parts::{Parts, PartsReport, Target};
use crate::session::Dataflow;
use crate::source::Progress;
use crate::table::{Manifest, Member};

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

/// A group's join with a model's examples.
pub struct GroupJoin<'a> {
    /// What runs it, with the tables that the group looks up.
    pub dataflow: &'a Dataflow,
    /// The join.
    pub join: &'a Join,
    /// The group.
    pub features: &'a Features,
    /// The table of the group's source.
    pub source_table: &'a Path,
    /// Where the features are written.
    pub output: Target<'a>,
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
        let one = GroupJoin { dataflow: self, join, features, source_table, output: output.into() };
        let found = join_groups(&[one], observations, progress).await?.pop();
        found.ok_or_else(|| DataError::internal("a join without a report"))
    }
}

/// As [`Dataflow::join`], for several groups at the same observations: these are put in order once where the same columns
/// play the groups' keys, and groups that see the same rows read them once.
///
/// # Errors
/// As [`Dataflow::join`], for any of the groups.
pub async fn join_groups(
    joins: &[GroupJoin<'_>],
    observations: &Path,
    progress: Progress<'_>,
) -> Result<Vec<JoinReport>, DataError> {
    let observations = Manifest::of(observations)?.files;
    let inputs = joins.iter().map(|one| Input::of(one, &observations)).collect::<Result<Vec<_>, _>>()?;
    let mut reports = inputs.iter().map(|input| input.report(&observations)).collect::<Result<Vec<_>, _>>()?;
    let (in_parts, whole): (Vec<usize>, Vec<usize>) =
        (0..inputs.len()).partition(|index| inputs[*index].parts.is_some());
    let units = whole.iter().map(|index| inputs[*index].whole(*index, joins[*index].output.table, &observations));
    for (index, explain) in passes::write(units.collect(), progress).await? {
        reports[index].explain = explain;
    }
    let divided = divided(in_parts.iter().map(|index| (*index, &inputs[*index])).collect(), &observations, progress);
    for (index, found) in divided.await? {
        found.manifest.write(joins[index].output.table, inputs[index].parts.map(|parts| parts.root))?;
        (reports[index].parts, reports[index].explain) = (Some(found.report), found.explain);
    }
    progress(reports.iter().map(|report| report.rows).max().unwrap_or(0));
    Ok(reports)
}

/// A join at work.
#[derive(Clone, Copy)]
struct Work<'a> {
    dataflow: &'a Dataflow,
    join: &'a Join,
    features: &'a Features,
}

/// A join, and what it reads.
struct Input<'a> {
    work: Work<'a>,
    source: Vec<Member>,
    /// Where parts are kept, if both inputs have parts.
    parts: Option<Parts<'a>>,
}

/// What is read of a group's source.
struct Seen<'a> {
    /// The group; where there are tiles, with aggregates that these have.
    features: &'a Features,
    rows: Vec<Member>,
    /// Tiles, which stand for other rows.
    tiles: Vec<Member>,
}

impl<'a> Input<'a> {
    fn of(one: &GroupJoin<'a>, observations: &[Member]) -> Result<Self, DataError> {
        let source = Manifest::of(one.source_table)?.files;
        let is_divided = observations.iter().chain(&source).all(|member| member.id.is_some());
        let work = Work { dataflow: one.dataflow, join: one.join, features: one.features };
        Ok(Input { work, source, parts: one.output.parts.filter(|_| is_divided) })
    }

    /// What is to be told of the join before it is known how it ran.
    fn report(&self, observations: &[Member]) -> Result<JoinReport, DataError> {
        let Work { join, features, .. } = self.work;
        Ok(JoinReport {
            rows: observations.iter().map(|member| member.rows).sum(),
            columns: output_schema(join, features)?.fields().iter().map(|field| field.name().clone()).collect(),
            events: self.source.iter().map(|member| member.rows).sum(),
            parts: None,
            explain: None,
        })
    }

    /// The join in one piece, under this number.
    fn whole(&self, number: usize, table: &Path, observations: &[Member]) -> Unit<'_> {
        let rows = observations.iter().map(|member| member.rows).sum();
        Unit {
            number,
            dataflow: self.work.dataflow.clone(),
            join: self.work.join,
            observations: observations.to_vec(),
            seen: Seen { features: self.work.features, rows: self.source.clone(), tiles: Vec::new() },
            sinks: vec![(table.to_owned(), rows)],
        }
    }
}
