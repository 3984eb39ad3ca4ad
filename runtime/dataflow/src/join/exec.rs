//! The operator of the point-in-time join.
//!
//! Both inputs arrive partitioned by key and ordered by the hash of the key, the key and the instant: they are
//! [`OrderExec`](crate::order::OrderExec)s, and nothing else is put between. The operator then makes one pass: for each batch
//! of observations it reads as many events as their windows need, lets every kernel slide, and forgets the events that no
//! later observation can see. What it holds is bounded by the events in the widest window of one key, and a batch on either
//! side. Observations come out as they came in, with features behind them: another operator goes on with them for another
//! group of the same entity.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::compute;
use arrow::datatypes::{DataType, Schema, SchemaRef, TimestampMicrosecondType};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, stream};
use mlsys_aggregates::{AggregateError, Measures};

use super::node::Spec;
use super::runs::RunFinder;
use super::windows::{Events, Last, Observations, Windows};
use crate::order::column;

/// The operator: observations on the left, events on the right.
#[derive(Debug)]
pub(crate) struct PointInTimeExec {
    observations: Arc<dyn ExecutionPlan>,
    events: Arc<dyn ExecutionPlan>,
    spec: Spec,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

/// How many observations a plan has done so far, by the last of its operators that go on with each other's.
pub(super) fn observations_done(plan: &Arc<dyn ExecutionPlan>) -> u64 {
    if plan.name() == NAME {
        return plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or(0) as u64;
    }
    plan.children().into_iter().map(observations_done).sum()
}

const NAME: &str = "PointInTimeExec";

impl PointInTimeExec {
    pub(crate) fn try_new(
        observations: Arc<dyn ExecutionPlan>,
        events: Arc<dyn ExecutionPlan>,
        spec: Spec,
    ) -> Result<Self> {
        let schema = Arc::new(spec.output(&observations.schema(), &events.schema())?);
        // The observations' columns come first: their partitions are those of the result.
        let partitioning = observations.output_partitioning().clone();
        let equivalences = EquivalenceProperties::new(schema);
        let properties =
            PlanProperties::new(equivalences, partitioning, EmissionType::Incremental, Boundedness::Bounded);
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(PointInTimeExec { observations, events, spec, properties: Arc::new(properties), metrics })
    }

    /// What it computes.
    pub(crate) fn spec(&self) -> &Spec {
        &self.spec
    }

    fn keys(&self, schema: &Schema) -> Vec<Arc<dyn PhysicalExpr>> {
        (0..self.spec.keys).map(|index| column(schema, index)).collect()
    }
}

impl DisplayAs for PointInTimeExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let windows: Vec<String> = self.spec.windows.iter().map(ToString::to_string).collect();
        write!(f, "PointInTimeExec: windows=[{}], features={}", windows.join(", "), self.spec.measurements.len())
    }
}

impl ExecutionPlan for PointInTimeExec {
    fn name(&self) -> &'static str {
        NAME
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.observations, &self.events]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::co_partitioned(vec![
            Distribution::KeyPartitioned(self.keys(&self.observations.schema())),
            Distribution::KeyPartitioned(self.keys(&self.events.schema())),
        ])
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([observations, events]) = <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) else {
            return Err(DataFusionError::Internal("the point-in-time join has two inputs".to_owned()));
        };
        Ok(Arc::new(PointInTimeExec::try_new(observations, events, self.spec.clone())?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let observations = self.observations.execute(partition, Arc::clone(&context))?;
        let events = self.events.execute(partition, Arc::clone(&context))?;
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let reservation =
            MemoryConsumer::new(format!("point-in-time join {partition}")).register(context.memory_pool());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let pass = Pass::new(self.spec.clone(), observations, events, Arc::clone(&schema), reservation, metrics)?;
        let batches =
            stream::try_unfold(pass, |mut pass| async move { Ok(pass.next().await?.map(|batch| (batch, pass))) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// One pass over a partition.
struct Pass {
    spec: Spec,
    schema: SchemaRef,
    observations: SendableRecordBatchStream,
    rest: SendableRecordBatchStream,
    finder: RunFinder,
    events: Events,
    windows: Windows,
    measures: Measures,
    /// The end of the observations so far.
    last: Option<Last>,
    reservation: MemoryReservation,
    metrics: BaselineMetrics,
}

impl Pass {
    fn new(
        spec: Spec,
        observations: SendableRecordBatchStream,
        rest: SendableRecordBatchStream,
        schema: SchemaRef,
        reservation: MemoryReservation,
        metrics: BaselineMetrics,
    ) -> Result<Self> {
        let keys = spec.keys;
        let types = |schema: &SchemaRef| -> Vec<DataType> {
            schema.fields().iter().take(keys).map(|field| field.data_type().clone()).collect()
        };
        let measures = spec.measures(&rest.schema()).map_err(external)?;
        Ok(Pass {
            finder: RunFinder::new(types(&observations.schema()).into_iter())?,
            events: Events::new(RunFinder::new(types(&rest.schema()).into_iter())?),
            windows: Windows::new(&spec.windows),
            measures,
            last: None,
            spec,
            schema,
            observations,
            rest,
            reservation,
            metrics,
        })
    }

    /// The features of the next batch of observations.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.observations.next().await.transpose()? {
            if batch.num_rows() > 0 {
                return self.features(&batch).await.map(Some);
            }
        }
        self.reservation.free();
        Ok(None)
    }

    async fn features(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let keys = &batch.columns()[..self.spec.keys];
        let mut observations = Observations::new(&self.finder, keys, batch.column(self.spec.time()))?;
        self.last = Some(observations.follow(self.last.take())?);
        let mut pieces: Vec<Vec<ArrayRef>> = Vec::new();
        let time = self.metrics.elapsed_compute().clone();
        loop {
            self.windows.clear();
            let working = time.timer();
            if self.windows.advance(&mut observations, &mut self.events) > 0 {
                pieces.push(self.measures.slide(&self.windows.ranges).map_err(external)?);
            }
            drop(working);
            let oldest = self.windows.oldest();
            self.events.release(oldest);
            self.measures.release(oldest);
            if observations.are_done() {
                break;
            }
            self.read_events().await?;
        }
        let mut columns = batch.columns().to_vec();
        for index in 0..self.spec.measurements.len() {
            columns.push(join_pieces(&pieces, index)?);
        }
        let features = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        Ok(features.record_output(&self.metrics))
    }

    async fn read_events(&mut self) -> Result<()> {
        let Some(batch) = self.rest.next().await.transpose()? else {
            self.events.complete();
            return Ok(());
        };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let times = batch.column(self.spec.time());
        self.events.append(&batch.columns()[..self.spec.keys], times)?;
        let times = times.as_primitive::<TimestampMicrosecondType>().values();
        self.measures.append(&batch.columns()[self.spec.argument_columns()], times).map_err(external)?;
        self.reservation.try_resize(self.events.bytes() + self.measures.bytes())
    }
}

/// One column of the results that were computed while events came in.
fn join_pieces(pieces: &[Vec<ArrayRef>], index: usize) -> Result<ArrayRef> {
    if let [piece] = pieces {
        return Ok(Arc::clone(&piece[index]));
    }
    let arrays: Vec<&dyn arrow::array::Array> = pieces.iter().map(|piece| piece[index].as_ref()).collect();
    Ok(compute::concat(&arrays)?)
}

fn external(error: AggregateError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
