//! The operator that puts columns beside rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, LexOrdering, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, Partitioning, PlanProperties,
};
use futures::{StreamExt, stream};

use crate::order::sorts;
use crate::table::POSITION;

/// The operator: rows on the left, columns on the right, both in the order of their positions.
#[derive(Debug)]
pub(crate) struct ZipExec {
    left: Arc<dyn ExecutionPlan>,
    right: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ZipExec {
    pub(crate) fn try_new(left: Arc<dyn ExecutionPlan>, right: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let place = right.schema().index_of(POSITION)?;
        let (own, beside) = (left.schema(), right.schema());
        let beside = beside.fields().iter().enumerate().filter(|(index, _)| *index != place).map(|(_, field)| field);
        let schema = Arc::new(Schema::new(own.fields().iter().chain(beside).cloned().collect::<Vec<_>>()));
        let ordering = by_position(&left.schema())?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new_with_orderings(schema, [ordering]),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(ZipExec { left, right, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() })
    }
}

fn by_position(schema: &Schema) -> Result<LexOrdering> {
    LexOrdering::new(sorts(schema, [schema.index_of(POSITION)?].into_iter()))
        .ok_or_else(|| DataFusionError::Internal("an order by nothing".to_owned()))
}

impl DisplayAs for ZipExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ZipExec")
    }
}

impl ExecutionPlan for ZipExec {
    fn name(&self) -> &'static str {
        "ZipExec"
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.left, &self.right]
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition, Distribution::SinglePartition])
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        let ordering = |plan: &Arc<dyn ExecutionPlan>| by_position(&plan.schema()).ok().map(OrderingRequirements::from);
        vec![ordering(&self.left), ordering(&self.right)]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false, false]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([left, right]) = <[Arc<dyn ExecutionPlan>; 2]>::try_from(children) else {
            return Err(DataFusionError::Internal("columns are put beside the rows of one input".to_owned()));
        };
        Ok(Arc::new(ZipExec::try_new(left, right)?))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let schema = Arc::clone(self.properties.eq_properties.schema());
        let sides = [&self.left, &self.right];
        let [left, right] = sides.map(|side| Side::new(side.execute(partition, Arc::clone(&context))?, &side.schema()));
        let metrics = BaselineMetrics::new(&self.metrics, partition);
        let zipping = Zipping { left: left?, right: right?, schema: Arc::clone(&schema), metrics };
        let rows = stream::try_unfold(zipping, |mut zipping| async move {
            Ok(zipping.next().await?.map(|batch| (batch, zipping)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, rows)))
    }
}

/// One input: its rows, and those of the current batch that are not taken yet.
struct Side {
    rows: SendableRecordBatchStream,
    waiting: Option<RecordBatch>,
    position: usize,
}

impl Side {
    fn new(rows: SendableRecordBatchStream, schema: &Schema) -> Result<Self> {
        Ok(Side { rows, waiting: None, position: schema.index_of(POSITION)? })
    }

    /// How many rows wait; none if there are no more.
    async fn ready(&mut self) -> Result<Option<usize>> {
        while self.waiting.as_ref().is_none_or(|batch| batch.num_rows() == 0) {
            match self.rows.next().await.transpose()? {
                Some(batch) => self.waiting = Some(batch),
                None => return Ok(None),
            }
        }
        Ok(self.waiting.as_ref().map(RecordBatch::num_rows))
    }

    /// Takes the first of the waiting rows.
    fn take(&mut self, rows: usize) -> Option<RecordBatch> {
        let batch = self.waiting.take()?;
        self.waiting = Some(batch.slice(rows, batch.num_rows() - rows));
        Some(batch.slice(0, rows))
    }
}

struct Zipping {
    left: Side,
    right: Side,
    schema: SchemaRef,
    metrics: BaselineMetrics,
}

impl Zipping {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let differ = || DataFusionError::Internal("rows and the columns beside them have other positions".to_owned());
        let rows = match (self.left.ready().await?, self.right.ready().await?) {
            (Some(left), Some(right)) => left.min(right),
            (None, None) => return Ok(None),
            _ => return Err(differ()),
        };
        let (Some(left), Some(right)) = (self.left.take(rows), self.right.take(rows)) else { return Err(differ()) };
        let positions = |batch: &RecordBatch, side: &Side| batch.column(side.position).clone();
        let (own, place) = (positions(&left, &self.left), positions(&right, &self.right));
        if own.as_primitive::<Int64Type>().values() != place.as_primitive::<Int64Type>().values() {
            return Err(differ());
        }
        let mut columns: Vec<ArrayRef> = left.columns().to_vec();
        let beside = right.columns().iter().enumerate().filter(|(index, _)| *index != self.right.position);
        columns.extend(beside.map(|(_, column)| Arc::clone(column)));
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        Ok(Some(batch.record_output(&self.metrics)))
    }
}
