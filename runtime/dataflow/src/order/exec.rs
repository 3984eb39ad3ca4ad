//! The operator that orders the rows of each partition.

use std::fmt;
use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::Schema;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{Distribution, EquivalenceProperties, LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, SpillMetrics};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, InputDistributionRequirements, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::buckets::Disk;
use super::work::Work;

/// How rows are ordered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// By the hash of the first columns, the keys, then by the keys themselves, and then by others; what is missing comes
    /// first.
    Keys {
        /// How many columns are keys, at least one.
        keys: usize,
        /// The others.
        then: Vec<usize>,
    },
    /// By the column that numbers the rows; the whole input is one partition.
    Position(usize),
}

/// Orders the rows of each partition.
#[derive(Debug)]
pub(crate) struct OrderExec {
    input: Arc<dyn ExecutionPlan>,
    order: Order,
    /// The order of rows between which the hash of their keys does not decide.
    ordering: LexOrdering,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl OrderExec {
    /// # Errors
    /// There is no column to order by.
    pub(crate) fn try_new(input: Arc<dyn ExecutionPlan>, order: Order) -> Result<Self> {
        let schema = input.schema();
        let columns: Vec<usize> = match &order {
            Order::Keys { keys, then } => (0..*keys).chain(then.iter().copied()).collect(),
            Order::Position(position) => vec![*position],
        };
        let ordering = LexOrdering::new(sorts(&schema, columns.into_iter()))
            .ok_or_else(|| DataFusionError::Internal("rows are ordered by at least one column".to_owned()))?;
        // An order by hash is none that DataFusion can name.
        let equivalences = match order {
            Order::Keys { .. } => EquivalenceProperties::new(schema),
            Order::Position(_) => EquivalenceProperties::new_with_orderings(schema, [ordering.clone()]),
        };
        let partitioning = input.output_partitioning().clone();
        let properties = PlanProperties::new(equivalences, partitioning, EmissionType::Final, Boundedness::Bounded);
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(OrderExec { input, order, ordering, properties: Arc::new(properties), metrics })
    }
}

impl OrderExec {
    /// How it orders.
    pub(crate) fn order(&self) -> &Order {
        &self.order
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
        let by = if matches!(self.order, Order::Keys { .. }) { "hash, " } else { "" };
        write!(f, "OrderExec: by=[{by}{}]", self.ordering)
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
        let distribution = match self.order {
            Order::Keys { keys, .. } => {
                Distribution::KeyPartitioned((0..keys).map(|index| column(&schema, index)).collect())
            }
            Order::Position(_) => Distribution::SinglePartition,
        };
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
        Ok(Arc::new(OrderExec::try_new(input, self.order.clone())?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut input = self.input.execute(partition, Arc::clone(&context))?;
        let schema = input.schema();
        let (order, ordering) = (self.order.clone(), self.ordering.clone());
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let spilled = SpillMetrics::new(&self.metrics, partition);
        let disk = Disk { schema: Arc::clone(&schema), runtime: context.runtime_env(), metrics: spilled };
        let rows = async move {
            let first = input.next().await;
            // Memory is shared among those that have rows: who waits for others takes no part of it.
            let consumer = MemoryConsumer::new(format!("order {partition}")).with_can_spill(true);
            let reservation = consumer.register(context.memory_pool());
            let work = Work { order, ordering, reservation, metrics, disk, context };
            Arc::new(work).ordered(stream::iter(first).chain(input).boxed()).await
        };
        let rows = stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}
