//! The operator that aggregates rows of a key and a tile that follow each other: one pass over rows that arrive partitioned
//! and ordered by key and instant, with the kernels of the point-in-time join.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt64Array};
use arrow::compute;
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
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
use mlsys_aggregates::{Measures, RangeBuffer};

use super::node::TileSpec;
use crate::order::column;

/// The operator.
#[derive(Debug)]
pub(crate) struct TileExec {
    events: Arc<dyn ExecutionPlan>,
    spec: TileSpec,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TileExec {
    pub(crate) fn try_new(events: Arc<dyn ExecutionPlan>, spec: TileSpec) -> Result<Self> {
        let schema = Arc::new(spec.output(&events.schema())?);
        let partitioning = events.output_partitioning().clone();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            partitioning,
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(TileExec { events, spec, properties: Arc::new(properties), metrics })
    }

    /// What it computes.
    pub(crate) fn spec(&self) -> &TileSpec {
        &self.spec
    }
}

impl DisplayAs for TileExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TileExec: aggregates={}", self.spec.kept.len())
    }
}

impl ExecutionPlan for TileExec {
    fn name(&self) -> &'static str {
        "TileExec"
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.events]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let schema = self.events.schema();
        let keys: Vec<Arc<dyn PhysicalExpr>> = (0..self.spec.keys).map(|index| column(&schema, index)).collect();
        InputDistributionRequirements::new(vec![Distribution::KeyPartitioned(keys)])
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([events]) = <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) else {
            return Err(DataFusionError::Internal("tiles are made from one input".to_owned()));
        };
        Ok(Arc::new(TileExec::try_new(events, self.spec.clone())?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let events = self.events.execute(partition, Arc::clone(&context))?;
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let pass = Pass {
            measures: self.spec.measures(&events.schema()).map_err(external)?,
            spec: self.spec.clone(),
            schema: Arc::clone(&schema),
            events,
            rows: 0,
            open: None,
            reservation: MemoryConsumer::new(format!("tiles {partition}")).register(context.memory_pool()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches =
            stream::try_unfold(pass, |mut pass| async move { Ok(pass.next().await?.map(|batch| (batch, pass))) });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// One pass over a partition.
struct Pass {
    spec: TileSpec,
    schema: SchemaRef,
    events: SendableRecordBatchStream,
    measures: Measures,
    /// How many rows have come.
    rows: usize,
    /// The key and the first row of those that may go on.
    open: Option<(Vec<ArrayRef>, usize)>,
    reservation: MemoryReservation,
    metrics: BaselineMetrics,
}

impl Pass {
    /// The aggregates of the next keys; none at the end.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let time = self.metrics.elapsed_compute().clone();
        loop {
            let batch = self.events.next().await.transpose()?;
            let _working = time.timer();
            let found = match batch {
                Some(batch) if batch.num_rows() == 0 => None,
                Some(batch) => self.take(&batch)?,
                None => return self.last(),
            };
            if let Some(found) = found {
                return Ok(Some(found.record_output(&self.metrics)));
            }
        }
    }

    /// Takes rows that are not none; the aggregates of keys that have ended.
    fn take(&mut self, batch: &RecordBatch) -> Result<Option<RecordBatch>> {
        let keys = self.spec.keys(batch);
        let times = batch.column(self.spec.time()).as_primitive::<TimestampMicrosecondType>().values();
        self.measures.append(&self.spec.arguments(batch)?, times).map_err(external)?;
        let mut starts: Vec<usize> = compute::partition(&keys)?.ranges().iter().map(|range| range.start).collect();
        let goes_on = match &self.open {
            Some((open, _)) => same(open, &keys)?,
            None => false,
        };
        if goes_on {
            starts.remove(0);
        }
        let heads = UInt64Array::from_iter_values(starts.iter().map(|start| *start as u64));
        let mut heads: Vec<ArrayRef> =
            keys.iter().map(|key| compute::take(key, &heads, None)).collect::<Result<_, _>>()?;
        let mut starts: Vec<usize> = starts.into_iter().map(|start| self.rows + start).collect();
        self.rows += batch.num_rows();
        if let Some((open, start)) = self.open.take() {
            heads =
                open.iter().zip(&heads).map(|(one, rest)| compute::concat(&[one, rest])).collect::<Result<_, _>>()?;
            starts.insert(0, start);
        }
        let ended = starts.len() - 1;
        self.open = Some((heads.iter().map(|head| head.slice(ended, 1)).collect(), starts[ended]));
        let heads: Vec<ArrayRef> = heads.iter().map(|head| head.slice(0, ended)).collect();
        let found = if ended == 0 { None } else { Some(self.aggregates(heads, &starts)?) };
        self.reservation.try_resize(self.measures.bytes())?;
        Ok(found)
    }

    /// The aggregates of the last key.
    fn last(&mut self) -> Result<Option<RecordBatch>> {
        self.reservation.free();
        let Some((keys, start)) = self.open.take() else { return Ok(None) };
        let found = self.aggregates(keys, &[start, self.rows])?;
        Ok(Some(found.record_output(&self.metrics)))
    }

    /// The aggregates of keys with rows between these positions.
    fn aggregates(&mut self, mut columns: Vec<ArrayRef>, bounds: &[usize]) -> Result<RecordBatch> {
        let mut ranges = RangeBuffer::default();
        bounds.windows(2).for_each(|bounds| ranges.push(bounds[0], bounds[1]));
        columns.extend(self.measures.slide(&[ranges]).map_err(external)?);
        self.measures.release(bounds[bounds.len() - 1]);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// Whether the first row of some keys is the same as one key.
fn same(one: &[ArrayRef], keys: &[ArrayRef]) -> Result<bool> {
    let both = one.iter().zip(keys).map(|(one, keys)| compute::concat(&[one, &keys.slice(0, 1)]));
    let both = both.collect::<Result<Vec<ArrayRef>, _>>()?;
    Ok(compute::partition(&both)?.len() == 1)
}

fn external(error: mlsys_aggregates::AggregateError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
