//! `score stream into`: rows of a stream in, predictions out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute;
use arrow::datatypes::{Field as ArrowField, Schema};
use async_trait::async_trait;
use mlsys_connectors::{Opening, Record, Sink, open_sink};
use mlsys_dataflow::LiveFilter;
use mlsys_engine::serving::ServeJob;
use mlsys_live::{Follower, LiveError};
use mlsys_plan::{ExprKind, Observe, Operation, Plan, Source};
use mlsys_rows::{RowWriter, arrow_schema};
use mlsys_serve::{Scored, Served};
use mlsys_training::predicted;
use tokio::sync::Mutex;

use super::deployed::Deployed;
use super::online::Online;
use super::streams::Followers;
use super::told::Failure;

/// Scores the rows of a source, and writes the predictions to a sink.
struct Scoring {
    served: Arc<Served>,
    sink: Mutex<Box<dyn Sink>>,
    filter: Option<LiveFilter>,
    /// The columns that say which row a prediction is of.
    carried: Vec<String>,
}

/// Those who score streams, by their sources.
pub(super) fn followers(job: &ServeJob, online: &Online, deployed: &[Deployed]) -> Result<Followers, Failure> {
    let none = BTreeMap::new();
    let environment = |name: &str| {
        let variable = job.secrets.get(name).map_or(name, String::as_str);
        std::env::var(variable).ok()
    };
    let mut followers = Followers::new();
    for one in deployed {
        let deployment = one.served.deployment();
        for scoring in deployment.scoring.iter().filter(|scoring| scoring.stream) {
            let (source, observe) = observed(&job.plan, deployment.model())
                .ok_or_else(|| Failure::internal("a stream that is scored has no source"))?;
            let sink = open_sink(&Opening {
                call: &scoring.into,
                settings: job.connectors.get(&scoring.into.name).unwrap_or(&none),
                environment: &environment,
                project: &job.project,
                folder: Path::new(""),
            });
            let filter = scoring.filter.as_ref();
            let filter = filter.map(|filter| online.dataflow.live_filter(one.served.outputs(), filter)).transpose();
            let follower = Scoring {
                served: Arc::clone(&one.served),
                sink: Mutex::new(sink.map_err(LiveError::from)?),
                filter: filter.map_err(LiveError::from)?,
                carried: carried(source, observe),
            };
            followers.entry(source.name.clone()).or_default().push(Arc::new(follower));
        }
    }
    Ok(followers)
}

/// The source of a model's observations, and what is observed.
fn observed<'p>(plan: &'p Plan, model: &str) -> Option<(&'p Source, &'p Observe)> {
    let observe = plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Observe(observe) if observe.model == model => Some(observe),
        _ => None,
    })?;
    let source = plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Source(source) if source.name == observe.source => Some(source),
        _ => None,
    })?;
    Some((source, observe))
}

/// The source's key, the keys of entities, and the time; personal data never leaves with a prediction.
fn carried(source: &Source, observe: &Observe) -> Vec<String> {
    let column = |kind: &ExprKind| match kind {
        ExprKind::Column { name } => Some(name.clone()),
        _ => None,
    };
    let keys = observe.keys.iter().filter_map(|key| column(&key.expr.kind));
    let is_personal = |name: &String| source.schema.iter().any(|field| field.name == *name && field.pii);
    let mut names = Vec::new();
    for name in source.key.iter().cloned().chain(keys).chain(column(&observe.at.kind)) {
        if !names.contains(&name) && !is_personal(&name) {
            names.push(name);
        }
    }
    names
}

#[async_trait]
impl Follower for Scoring {
    async fn rows(&self, rows: &RecordBatch) -> Result<(), LiveError> {
        let now = now();
        let scorer = self.served.scorer();
        let request = arrow_schema(&self.served.deployment().request);
        let columns =
            request.fields().iter().map(|field| Ok(compute::cast(named(rows, field.name())?, field.data_type())?));
        let request = RecordBatch::try_new(Arc::clone(&request), columns.collect::<Result<_, LiveError>>()?)?;
        let scored = scorer.score(request, now).await.map_err(|error| LiveError::Missing(error.to_string()))?;
        let chosen = self.filter.as_ref().map(|filter| filter.of(&scored.predictions)).transpose()?;
        let version = scorer.version();
        let told = self.told(rows, &scored, (&version.model, version.number), now)?;
        let records = self.records(&told, &scored, chosen.as_ref())?;
        if !records.is_empty() {
            self.sink.lock().await.write(records).await?;
        }
        Ok(())
    }
}

impl Scoring {
    /// What is told of each prediction.
    fn told(
        &self,
        rows: &RecordBatch,
        scored: &Scored,
        (model, version): (&str, u64),
        now: i64,
    ) -> Result<RecordBatch, LiveError> {
        let mut columns: Vec<(String, ArrayRef)> = Vec::new();
        for name in &self.carried {
            columns.push((name.clone(), Arc::clone(named(rows, name)?)));
        }
        let predictions = scored.predictions.schema();
        for (field, column) in predictions.fields().iter().zip(scored.predictions.columns()) {
            columns.push((field.name().clone(), Arc::clone(column)));
        }
        let count = rows.num_rows();
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        columns.push((predicted::MODEL.to_owned(), Arc::new(StringArray::from(vec![model; count]))));
        columns.push((predicted::VERSION.to_owned(), Arc::new(Int64Array::from_value(version, count))));
        let instants = TimestampMicrosecondArray::from_value(now, count).with_timezone("UTC");
        columns.push((predicted::SCORED_AT.to_owned(), Arc::new(instants)));
        let fields = columns.iter().map(|(name, column)| ArrowField::new(name, column.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(RecordBatch::try_new(schema, columns.into_iter().map(|(_, column)| column).collect())?)
    }

    /// The predictions that leave, as JSON; those of one first key stay in order.
    fn records(
        &self,
        told: &RecordBatch,
        scored: &Scored,
        chosen: Option<&BooleanArray>,
    ) -> Result<Vec<Record>, LiveError> {
        let wrong = |error: mlsys_rows::SchemaError| LiveError::Connector(error.into());
        let writer = RowWriter::new(told).map_err(wrong)?;
        let mut records = Vec::new();
        for row in 0..told.num_rows() {
            if scored.failure(row).is_some() || chosen.is_some_and(|chosen| !chosen.value(row)) {
                continue;
            }
            let (mut payload, mut key) = (Vec::new(), Vec::new());
            writer.write(row, &mut payload);
            if !self.carried.is_empty() {
                writer.write_value(0, row, &mut key);
            }
            let key = (!key.is_empty()).then(|| key.into());
            records.push(Record { key, payload: payload.into() });
        }
        Ok(records)
    }
}

fn named<'r>(rows: &'r RecordBatch, name: &str) -> Result<&'r ArrayRef, LiveError> {
    rows.column_by_name(name).ok_or_else(|| LiveError::Missing(format!("column `{name}`")))
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
