//! The operator that orders the rows of each partition.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::{self, SortOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, PlanProperties,
};
use futures::{Stream, StreamExt, stream};

use super::permutation::permutation;
use super::placed::Placed;
use super::replay::ReplayExec;
use crate::table::POSITION;

/// Orders the rows of each partition by its first columns, the keys, and then by others; what is missing comes first.
#[derive(Debug)]
pub(crate) struct OrderExec {
    input: Arc<dyn ExecutionPlan>,
    /// How many of the first columns are keys. Without keys the whole input is one partition.
    keys: usize,
    then: Vec<usize>,
    ordering: LexOrdering,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl OrderExec {
    /// Orders by the first `keys` columns, then by the columns `then`.
    ///
    /// # Errors
    /// There is no column to order by.
    pub(crate) fn try_new(input: Arc<dyn ExecutionPlan>, keys: usize, then: Vec<usize>) -> Result<Self> {
        let schema = input.schema();
        let ordering = LexOrdering::new(sorts(&schema, (0..keys).chain(then.iter().copied())))
            .ok_or_else(|| DataFusionError::Internal("rows are ordered by at least one column".to_owned()))?;
        let equivalences = EquivalenceProperties::new_with_orderings(schema, [ordering.clone()]);
        let partitioning = input.output_partitioning().clone();
        let properties = PlanProperties::new(equivalences, partitioning, EmissionType::Final, Boundedness::Bounded);
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(OrderExec { input, keys, then, ordering, properties: Arc::new(properties), metrics })
    }
}

/// Ascending by these columns, what is missing first.
pub(crate) fn sorts(schema: &Schema, columns: impl Iterator<Item = usize>) -> Vec<PhysicalSortExpr> {
    let options = SortOptions { descending: false, nulls_first: true };
    columns.map(|index| PhysicalSortExpr::new(column(schema, index), options)).collect()
}

/// A column by its place.
pub(crate) fn column(schema: &Schema, index: usize) -> Arc<dyn PhysicalExpr> {
    Arc::new(Column::new(schema.field(index).name(), index))
}

impl DisplayAs for OrderExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderExec: keys={}, by=[{}]", self.keys, self.ordering)
    }
}

impl ExecutionPlan for OrderExec {
    fn name(&self) -> &'static str {
        "OrderExec"
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        let schema = self.input.schema();
        let keys: Vec<_> = (0..self.keys).map(|index| column(&schema, index)).collect();
        let distribution =
            if keys.is_empty() { Distribution::SinglePartition } else { Distribution::KeyPartitioned(keys) };
        InputDistributionRequirements::new(vec![distribution])
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[Arc<dyn ExecutionPlan>; 1]>::try_from(children) else {
            return Err(DataFusionError::Internal("rows are ordered from one input".to_owned()));
        };
        Ok(Arc::new(OrderExec::try_new(input, self.keys, self.then.clone())?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let consumer = MemoryConsumer::new(format!("order {partition}")).with_can_spill(true);
        let work = Work {
            schema: input.schema(),
            keys: self.keys,
            then: self.then.clone(),
            ordering: self.ordering.clone(),
            reservation: consumer.register(context.memory_pool()),
            metrics: BaselineMetrics::new(&self.metrics, partition),
            handed_over: MetricBuilder::new(&self.metrics).counter("handed_to_sort", partition),
            context,
        };
        let schema = input.schema();
        let rows = stream::once(work.ordered(input)).map(|rows| match rows {
            Ok(rows) => rows,
            Err(error) => stream::once(async move { Err(error) }).boxed(),
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows.flatten())))
    }
}

type Batches = stream::BoxStream<'static, Result<RecordBatch>>;

/// What ordering one partition needs.
struct Work {
    schema: SchemaRef,
    keys: usize,
    then: Vec<usize>,
    ordering: LexOrdering,
    reservation: MemoryReservation,
    metrics: BaselineMetrics,
    /// Whether DataFusion's sort took over.
    handed_over: Count,
    context: Arc<TaskContext>,
}

impl Work {
    /// All rows in order.
    async fn ordered(self, input: SendableRecordBatchStream) -> Result<Batches> {
        match (self.keys, self.then.as_slice()) {
            (0, [position]) if self.schema.field(*position).name() == POSITION => {
                match Placed::new(&self.schema, *position) {
                    Some(placed) => self.placed(placed, input).await,
                    None => self.sorted(input).await,
                }
            }
            _ => self.sorted(input).await,
        }
    }

    /// Rows by position, each written to its place as it comes.
    async fn placed(self, mut placed: Placed, mut input: SendableRecordBatchStream) -> Result<Batches> {
        let time = self.metrics.elapsed_compute().clone();
        while let Some(batch) = input.next().await.transpose()? {
            if self.reservation.try_resize(placed.bytes_with(&batch)).is_err() {
                let size = self.context.session_config().batch_size();
                let read = stream::iter(placed.batches(size).chain([Ok(batch)]));
                return self.spilling(read, input);
            }
            let working = time.timer();
            placed.add(&batch)?;
            drop(working);
        }
        let size = self.context.session_config().batch_size();
        let batches = placed.batches(size).map(move |batch| {
            // The reservation lasts as long as the rows.
            let _ = &self.reservation;
            batch.record_output(&self.metrics)
        });
        Ok(stream::iter(batches).boxed())
    }

    /// Rows by key and instant, once all of them are there.
    async fn sorted(self, mut input: SendableRecordBatchStream) -> Result<Batches> {
        let mut batches: Vec<RecordBatch> = Vec::new();
        let (mut rows, mut bytes) = (0, 0);
        let is_fixed = self.schema.fields().iter().all(|field| field.data_type().primitive_width().is_some());
        while let Some(batch) = input.next().await.transpose()? {
            rows += batch.num_rows();
            bytes += batch.get_array_memory_size();
            // Rows are numbered with 32 bits, and texts that are put together are addressed with 31.
            let fits = u32::try_from(rows).is_ok() && (is_fixed || i32::try_from(bytes).is_ok());
            let fits = fits && self.reservation.try_grow(needed(&batch)).is_ok();
            batches.push(batch);
            if !fits {
                return self.spilling(stream::iter(batches.into_iter().map(Ok)), input);
            }
        }
        let timer = self.metrics.elapsed_compute().clone();
        let started = timer.timer();
        let columns = concatenated(&self.schema, batches)?;
        let places = permutation(&columns, self.keys, &self.then)?;
        drop(started);
        Ok(self.taken(columns, places))
    }

    /// DataFusion's sort goes on with what was read and what is still to come.
    fn spilling(
        self,
        read: impl Stream<Item = Result<RecordBatch>> + Send + 'static,
        rest: SendableRecordBatchStream,
    ) -> Result<Batches> {
        self.handed_over.add(1);
        self.reservation.free();
        let all = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), read.chain(rest));
        let sort = SortExec::new(self.ordering.clone(), Arc::new(ReplayExec::new(Box::pin(all))));
        Ok(sort.execute(0, Arc::clone(&self.context))?.boxed())
    }

    /// The rows in the order of their places, batch by batch.
    fn taken(self, columns: Vec<ArrayRef>, places: Vec<u32>) -> Batches {
        let size = self.context.session_config().batch_size();
        let places = UInt32Array::from(places);
        let starts = (0..places.len()).step_by(size);
        let batches = starts.map(move |start| {
            // The reservation lasts as long as the rows.
            let _ = &self.reservation;
            let chunk = places.slice(start, size.min(places.len() - start));
            let taken = columns.iter().map(|column| compute::take(column, &chunk, None));
            let batch = RecordBatch::try_new(Arc::clone(&self.schema), taken.collect::<Result<_, _>>()?)?;
            Ok(batch.record_output(&self.metrics))
        });
        stream::iter(batches).boxed()
    }
}

/// Bytes that ordering a batch needs: its columns, one of which is there twice for a moment, and two numbers and an
/// instant for every row.
fn needed(batch: &RecordBatch) -> usize {
    let bytes = batch.get_array_memory_size();
    bytes + bytes / batch.num_columns().max(1) + batch.num_rows() * 16
}

/// The columns of all batches, each as one array; batches are let go of column by column.
fn concatenated(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Vec<ArrayRef>> {
    if batches.is_empty() {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)).columns().to_vec());
    }
    let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::with_capacity(batches.len()); schema.fields().len()];
    for batch in batches {
        for (part, column) in parts.iter_mut().zip(batch.columns()) {
            part.push(Arc::clone(column));
        }
    }
    let whole = |part: Vec<ArrayRef>| {
        let arrays: Vec<&dyn Array> = part.iter().map(AsRef::as_ref).collect();
        Ok(compute::concat(&arrays)?)
    };
    parts.into_iter().map(whole).collect()
}
