//! The aggregation of tiles as a logical node: what it computes, in a form that can be compared, hashed and shown.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};
use mlsys_aggregates::{AggregateError, Kernel, Measure, Measures, Parameters};
use serde::{Deserialize, Serialize};

use super::exec::TileExec;
use crate::error::DataError;
use crate::order::{Order, OrderExec};

/// The column with the number of a row's tile.
pub(super) const TILE: &str = "__tile";

/// What the operator computes, over events: key columns, the instant, argument columns, whatever orders rows of one instant,
/// and the position.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct TileSpec {
    /// How many key columns there are.
    pub(super) keys: usize,
    /// Where the position is.
    pub(super) position: usize,
    /// The columns that order events of one key and instant.
    pub(super) order: Vec<usize>,
    /// The columns of a row that are kept where a row is chosen, and their names there.
    pub(super) row: Vec<(usize, String)>,
    /// What tiles keep.
    pub(super) kept: Vec<Kept>,
    /// How many tiles there are.
    pub(super) tiles: usize,
    /// The positions at which the events of a tile end, and those of the next one begin; after the last tile comes the
    /// first one again.
    pub(super) ends: Vec<i64>,
}

/// An aggregate over all rows of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Kept {
    /// The column of the result.
    pub(super) name: String,
    /// The aggregate's name.
    pub(super) function: String,
    /// The column that it reads.
    pub(super) column: usize,
    /// Whether the row is kept, and not only the value.
    pub(super) is_row: bool,
}

impl TileSpec {
    /// Where the instant is.
    pub(super) fn time(&self) -> usize {
        self.keys
    }

    /// The keys of events, and the numbers of their tiles.
    pub(super) fn keys(&self, events: &RecordBatch) -> Vec<ArrayRef> {
        let positions = events.column(self.position).as_primitive::<Int64Type>().values().iter();
        let tile = |position: &i64| self.ends.partition_point(|end| end <= position) % self.tiles;
        let tiles = Int64Array::from_iter_values(positions.map(|position| tile(position) as i64));
        events.columns()[..self.keys].iter().cloned().chain([Arc::new(tiles) as ArrayRef]).collect()
    }

    /// The columns of tiles: the keys, the tile's number, and what each aggregate comes to.
    pub(super) fn output(&self, events: &Schema) -> Result<Schema, DataError> {
        let keys = events.fields()[..self.keys].iter().map(|key| key.as_ref().clone());
        let keys = keys.chain([Field::new(TILE, DataType::Int64, false)]).map(Ok);
        let result = |kept: &Kept| {
            let ty = kept.kernel().and_then(|kernel| kernel.output(Some(&self.argument_type(kept, events))));
            let ty =
                ty.ok_or_else(|| DataError::internal(format!("`{}` has no result for its rows", kept.function)))?;
            Ok(Field::new(&kept.name, ty, true))
        };
        Ok(Schema::new(keys.chain(self.kept.iter().map(result)).collect::<Result<Vec<Field>, DataError>>()?))
    }

    /// The kernels, ready to run.
    pub(super) fn measures(&self, events: &Schema) -> Result<Measures, AggregateError> {
        let types: Vec<DataType> = self.kept.iter().map(|kept| self.argument_type(kept, events)).collect();
        let measure = |(index, kept): (usize, &Kept)| {
            let parameters = Parameters::default();
            Some(Measure { kernel: kept.kernel()?, argument: Some(index), parameters, window: 0 })
        };
        let measures: Vec<Measure> = self.kept.iter().enumerate().filter_map(measure).collect();
        Measures::new(&measures, &types, &[None])
    }

    /// What the kernels read of events.
    pub(super) fn arguments(&self, events: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let fields = self.row_fields(&events.schema());
        let columns = || self.row.iter().map(|(index, _)| Arc::clone(events.column(*index))).collect();
        let argument = |kept: &Kept| -> Result<ArrayRef> {
            let column = events.column(kept.column);
            if !kept.is_row {
                return Ok(Arc::clone(column));
            }
            let nulls = column.logical_nulls();
            Ok(Arc::new(StructArray::try_new_with_length(fields.clone(), columns(), nulls, events.num_rows())?))
        };
        self.kept.iter().map(argument).collect()
    }

    fn argument_type(&self, kept: &Kept, events: &Schema) -> DataType {
        if kept.is_row {
            return DataType::Struct(self.row_fields(events));
        }
        events.field(kept.column).data_type().clone()
    }

    fn row_fields(&self, events: &Schema) -> Fields {
        self.row.iter().map(|(index, name)| Field::new(name, events.field(*index).data_type().clone(), true)).collect()
    }
}

impl Kept {
    fn kernel(&self) -> Option<&'static dyn Kernel> {
        mlsys_aggregates::by_name(&self.function)
    }
}

/// Aggregates over the rows of a key and a tile; several of them where rows of others lie between.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    events: LogicalPlan,
    spec: TileSpec,
    schema: DFSchemaRef,
}

impl Tile {
    pub(super) fn try_new(events: LogicalPlan, spec: TileSpec) -> Result<Self, DataError> {
        let schema = Arc::new(DFSchema::try_from(spec.output(events.schema().as_arrow())?)?);
        Ok(Tile { events, spec, schema })
    }
}

/// A node has no order of its own; DataFusion asks for one to compare plans.
impl PartialOrd for Tile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Tile {
    fn name(&self) -> &str {
        "Tile"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.events]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    /// The input has computed every expression; the operator reads columns by their place.
    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tile: aggregates={}", self.spec.kept.len())
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let Ok([events]) = <[LogicalPlan; 1]>::try_from(inputs) else {
            return Err(DataFusionError::Internal("tiles are made from one input".to_owned()));
        };
        Ok(Tile::try_new(events, self.spec.clone())?)
    }
}

/// Plans the aggregation of tiles and nothing else.
pub(crate) struct TilePlanner;

#[async_trait]
impl ExtensionPlanner for TilePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _planning_context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [events]) = (node.as_any().downcast_ref::<Tile>(), physical_inputs) else {
            return Ok(None);
        };
        let spec = &node.spec;
        let then = [spec.time()].into_iter().chain(spec.order.iter().copied()).collect();
        let events = OrderExec::try_new(Arc::clone(events), Order::Keys { keys: spec.keys, then })?;
        Ok(Some(Arc::new(TileExec::try_new(Arc::new(events), spec.clone())?)))
    }
}
