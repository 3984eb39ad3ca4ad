//! Joins that are made together: which of them go into one plan, and that plan at work.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{LogicalPlan, TableSource};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use mlsys_plan::{Expr, Join, Type, columns};

use super::Seen;
use super::asked::AskedKeys;
use super::events::{Branch, Events};
use super::exec::observations_done;
use super::plan::{Joined, joined_plan, keys_plan, output_schema};
use crate::error::DataError;
use crate::lookup::bind;
use crate::session::{Dataflow, Execution};
use crate::sink::Sinks;
use crate::source::Progress;
use crate::table::{Member, StoredTable};

/// How often progress is reported.
const PROGRESS: Duration = Duration::from_millis(100);

/// Where there are so many times as many events as observations, most of them have keys that nobody asks for.
const FEW: u64 = 20;

/// Features of one group that are to be made at some observations.
pub(super) struct Unit<'a> {
    /// What it is part of.
    pub(super) number: usize,
    pub(super) dataflow: Dataflow,
    pub(super) join: &'a Join,
    pub(super) observations: Vec<Member>,
    pub(super) seen: Seen<'a>,
    /// The tables that are written, of which each takes so many rows.
    pub(super) sinks: Vec<(PathBuf, u64)>,
}

/// Makes them, in as few plans as there may be; the number of each, and how its plan ran if that was asked for.
///
/// # Errors
/// As [`crate::Dataflow::join`].
pub(super) async fn write(
    units: Vec<Unit<'_>>,
    progress: Progress<'_>,
) -> Result<Vec<(usize, Option<String>)>, DataError> {
    let mut explained = Vec::new();
    let mut left = units;
    while !left.is_empty() {
        let first = left.remove(0);
        let (others, rest) = left.into_iter().partition(|other| first.goes_with(other));
        let units: Vec<Unit<'_>> = [first].into_iter().chain::<Vec<Unit<'_>>>(others).collect();
        let numbers: Vec<usize> = units.iter().map(|unit| unit.number).collect();
        let explain = together(units, progress).await?;
        explained.extend(numbers.into_iter().map(|number| (number, explain.clone())));
        left = rest;
    }
    Ok(explained)
}

/// Makes those that go into one plan.
async fn together(units: Vec<Unit<'_>>, progress: Progress<'_>) -> Result<Option<String>, DataError> {
    let dataflow = units[0].dataflow.clone();
    let session = dataflow.parallel_session();
    let plan = plan(&units, &session).await?;
    let Execution { plan, mut rows } = dataflow.execute(&session, plan, None).await?;
    let mut outputs = Outputs::new(units)?;
    let mut clock = tokio::time::interval(PROGRESS);
    loop {
        tokio::select! {
            biased;
            batch = rows.next() => {
                let Some(batch) = batch.transpose()? else { break };
                outputs.write(&batch).await?;
            }
            // The observations' order is restored at the end: until then only the operator knows how far it is.
            _ = clock.tick() => progress(observations_done(&plan)),
        }
    }
    outputs.finish().await?;
    Ok(dataflow.explained(plan.as_ref()))
}

async fn plan(units: &[Unit<'_>], session: &SessionContext) -> Result<LogicalPlan, DataError> {
    let observations = Arc::new(StoredTable::of(units[0].observations.clone())?);
    let span = observations.span(columns::AT)?;
    let mut asked: Option<Arc<AskedKeys>> = None;
    let mut tables = Tables::default();
    let mut events = Vec::new();
    for unit in units {
        let (rows, of_rows) = tables.of(&unit.seen.rows)?;
        let (tiles, of_tiles) = tables.of(&unit.seen.tiles)?;
        let are_few = observations.rows().saturating_mul(FEW) < of_rows + of_tiles;
        if are_few && asked.is_none() {
            // The same columns play the keys of all groups.
            let plan = keys_plan(unit.join, unit.seen.features, provider_as_source(Arc::clone(&observations) as _))?;
            let keys = session.execute_logical_plan(plan).await?.collect().await?;
            asked = Some(Arc::new(AskedKeys::of(&keys)?));
        }
        let asked = asked.clone().filter(|_| are_few);
        events.push(Events { rows: rows.map(Branch::from), tiles: tiles.map(Branch::from), span, asked });
    }
    let look_ups: Vec<_> = units
        .iter()
        .map(|unit| move |plan| bind(plan, unit.dataflow.tables(), unit.seen.features.time.as_deref()))
        .collect();
    let joins = units.iter().zip(events).zip(&look_ups).map(|((unit, events), bind)| Joined {
        join: unit.join,
        features: unit.seen.features,
        events,
        bind,
    });
    joined_plan(&joins.collect::<Vec<_>>(), provider_as_source(observations))
}

/// Tables by their files: groups that read the same files read one table.
#[derive(Default)]
struct Tables(Vec<(Vec<PathBuf>, Arc<dyn TableSource>, u64)>);

impl Tables {
    /// The table of these files, if there are any, and how many rows it has.
    fn of(&mut self, members: &[Member]) -> Result<(Option<Arc<dyn TableSource>>, u64), DataError> {
        if members.is_empty() {
            return Ok((None, 0));
        }
        let paths: Vec<PathBuf> = members.iter().map(|member| member.path.clone()).collect();
        if let Some((_, known, rows)) = self.0.iter().find(|(known, ..)| *known == paths) {
            return Ok((Some(Arc::clone(known)), *rows));
        }
        let table = StoredTable::of(members.to_vec())?;
        let rows = table.rows();
        let table = provider_as_source(Arc::new(table));
        self.0.push((paths, Arc::clone(&table), rows));
        Ok((Some(table), rows))
    }
}

impl Unit<'_> {
    /// Whether both may go into one plan: the same columns of the same observations play their groups' keys. Groups that look
    /// something up have tables of their own.
    fn goes_with(&self, other: &Unit<'_>) -> bool {
        let paths = |unit: &Unit<'_>| unit.observations.iter().map(|member| member.path.clone()).collect::<Vec<_>>();
        self.keys().is_some_and(|keys| other.keys() == Some(keys)) && paths(self) == paths(other)
    }

    /// The keys, the columns that play them, and their types; none where something is looked up.
    fn keys(&self) -> Option<Vec<(String, String, Type)>> {
        let features = self.seen.features;
        if !Expr::lookups(features.exprs()).is_empty() {
            return None;
        }
        let played = |key: &str| self.join.keys.iter().find(|played| played.key == key);
        let key = |key: &mlsys_plan::EntityKey| {
            Some((key.name.clone(), played(&key.name)?.column.clone(), key.ty.ty.clone()))
        };
        features.keys.iter().map(key).collect()
    }
}

/// The tables of each unit, whose columns stand side by side.
struct Outputs(Vec<(SchemaRef, Sinks)>);

impl Outputs {
    fn new(units: Vec<Unit<'_>>) -> Result<Self, DataError> {
        let output = |unit: Unit<'_>| {
            let schema = output_schema(unit.join, unit.seen.features)?;
            let sinks = Sinks::new(unit.sinks, &schema);
            Ok((schema, sinks))
        };
        Ok(Outputs(units.into_iter().map(output).collect::<Result<_, DataError>>()?))
    }

    async fn write(&mut self, batch: &RecordBatch) -> Result<(), DataError> {
        let mut first = 0;
        for (schema, sinks) in &mut self.0 {
            let columns = first..first + schema.fields().len();
            first = columns.end;
            sinks.write(RecordBatch::try_new(Arc::clone(schema), batch.columns()[columns].to_vec())?).await?;
        }
        Ok(())
    }

    async fn finish(self) -> Result<(), DataError> {
        for (_, sinks) in self.0 {
            sinks.finish().await?;
        }
        Ok(())
    }
}
