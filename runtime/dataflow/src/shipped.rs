//! Our own operators as bytes, so that a plan can be carried out elsewhere: DataFusion has a form for its own.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;
use serde::{Deserialize, Serialize};

use crate::join::{PointInTimeExec, Spec, TileExec, TileSpec};
use crate::order::{Order, OrderExec};
use crate::zip::ZipExec;

/// The version of the byte form. A reader refuses any other.
const VERSION: u32 = 1;

/// An operator of ours, apart from its inputs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shipped {
    version: u32,
    operator: Operator,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Operator {
    PointInTime(Spec),
    Order(Order),
    Tile(TileSpec),
    Zip,
}

impl Shipped {
    /// The operator at the root of a plan, if it is one of ours.
    pub fn of(plan: &dyn ExecutionPlan) -> Option<Self> {
        let operator = if let Some(join) = plan.downcast_ref::<PointInTimeExec>() {
            Operator::PointInTime(join.spec().clone())
        } else if let Some(order) = plan.downcast_ref::<OrderExec>() {
            Operator::Order(order.order().clone())
        } else if let Some(tile) = plan.downcast_ref::<TileExec>() {
            Operator::Tile(tile.spec().clone())
        } else {
            plan.downcast_ref::<ZipExec>().map(|_| Operator::Zip)?
        };
        Some(Shipped { version: VERSION, operator })
    }

    /// The byte form: JSON.
    ///
    /// # Errors
    /// It cannot be written, which does not happen.
    pub fn write(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| DataFusionError::External(Box::new(error)))
    }

    /// The operator that was written.
    ///
    /// # Errors
    /// The bytes are no operator, or one of another version.
    pub fn read(bytes: &[u8]) -> Result<Self> {
        let found: Shipped =
            serde_json::from_slice(bytes).map_err(|error| DataFusionError::External(Box::new(error)))?;
        if found.version != VERSION {
            let message = format!("an operator of version {}, this program reads version {VERSION}", found.version);
            return Err(DataFusionError::Plan(message));
        }
        Ok(found)
    }

    /// The operator over these inputs.
    ///
    /// # Errors
    /// They are not as many as the operator has, or have other columns than it reads.
    pub fn over(self, inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(match (self.operator, inputs) {
            (Operator::PointInTime(spec), [observations, events]) => {
                Arc::new(PointInTimeExec::try_new(Arc::clone(observations), Arc::clone(events), spec)?)
            }
            (Operator::Order(order), [input]) => Arc::new(OrderExec::try_new(Arc::clone(input), order)?),
            (Operator::Tile(spec), [events]) => Arc::new(TileExec::try_new(Arc::clone(events), spec)?),
            (Operator::Zip, [left, right]) => Arc::new(ZipExec::try_new(Arc::clone(left), Arc::clone(right))?),
            (_, inputs) => {
                return Err(DataFusionError::Plan(format!("an operator over {} inputs", inputs.len())));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
    use arrow::compute::concat_batches;
    use datafusion::common::tree_node::{Transformed, TreeNode};
    use datafusion::datasource::{MemTable, provider_as_source};
    use datafusion::logical_expr::TableSource;
    use datafusion::physical_plan::{ExecutionPlan, collect};
    use mlsys_plan::{Aggregate, EntityKey, Expr, Features, Join, JoinKey, Type, Value, Window, columns};

    use super::Shipped;
    use crate::join::{Events, Inputs, logical_plan};
    use crate::options::Options;
    use crate::session::Dataflow;
    use crate::table::POSITION;

    fn table(named: Vec<(&str, ArrayRef)>) -> Arc<dyn TableSource> {
        let rows = named[0].1.len();
        let position: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows as i64));
        let fields = named.into_iter().map(|(name, column)| (name, column, true)).chain([(POSITION, position, false)]);
        let batch = RecordBatch::try_from_iter_with_nullable(fields).unwrap();
        provider_as_source(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap()))
    }

    fn times(values: impl Iterator<Item = i64>) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
    }

    fn group() -> Features {
        let column = |name: &str, ty: Type| Expr::column(name, ty.optional());
        Features {
            name: "group".to_owned(),
            entity: "one".to_owned(),
            keys: vec![EntityKey { name: "k".to_owned(), column: "k".to_owned(), ty: Type::Int64.required() }],
            source: "events".to_owned(),
            at: column("at", Type::Timestamp),
            time: None,
            filter: None,
            order: Vec::new(),
            aggregates: vec![Aggregate {
                name: "middle".to_owned(),
                function: "quantile".to_owned(),
                argument: Some(column("x", Type::Float64)),
                args: [("q".to_owned(), Value::Float(0.1 + 0.2))].into_iter().collect(),
                filter: None,
                window: Window::Range { width: 40 },
                step: None,
                offset: 0,
                ty: Type::Float64.optional(),
                line: 1,
            }],
            derived: Vec::new(),
            refresh: None,
        }
    }

    /// A plan whose operators were written and read again gives the same rows.
    #[tokio::test]
    async fn operators_are_what_they_were() {
        let events = table(vec![
            ("k", Arc::new(Int64Array::from_iter_values((0..90).map(|row| row * 7 % 5)))),
            ("at", times((0..90).map(|row| row * 31 % 97))),
            ("x", Arc::new(Float64Array::from_iter_values((0..90).map(|row| f64::from(row) / 7.0)))),
        ]);
        let observations = table(vec![
            ("__key.k", Arc::new(Int64Array::from_iter_values((0..40).map(|row| row % 6)))),
            (columns::AT, times((0..40).map(|row| row * 13 % 110))),
        ]);
        let join = Join {
            model: "model".to_owned(),
            group: "group".to_owned(),
            alias: None,
            keys: vec![JoinKey { key: "k".to_owned(), column: "k".to_owned() }],
            features: vec!["middle".to_owned()],
        };
        let inputs = Inputs { observations, events: Events::of(events) };
        let plan = logical_plan(&join, &group(), inputs, &Ok).unwrap();
        let session = Dataflow::new(&Options { threads: Some(2), ..Options::default() }).unwrap().parallel_session();
        // A plan can be carried out once: there are two of them.
        let planned =
            async || session.execute_logical_plan(plan.clone()).await.unwrap().create_physical_plan().await.unwrap();
        let (plan, other) = (planned().await, planned().await);
        let mut ours = 0;
        let carried = other.transform_up(|node: Arc<dyn ExecutionPlan>| {
            let Some(shipped) = Shipped::of(node.as_ref()) else { return Ok(Transformed::no(node)) };
            ours += 1;
            let inputs: Vec<_> = node.children().into_iter().cloned().collect();
            Ok(Transformed::yes(Shipped::read(&shipped.write()?)?.over(&inputs)?))
        });
        let carried = carried.unwrap().data;
        assert_eq!(ours, 4, "a join, two orders of its inputs, and the order of its rows");
        let schema = plan.schema();
        let expected = concat_batches(&schema, &collect(plan, session.task_ctx()).await.unwrap()).unwrap();
        let found = concat_batches(&schema, &collect(carried, session.task_ctx()).await.unwrap()).unwrap();
        assert_eq!(found, expected);
        assert!(found.column(0).null_count() < found.num_rows());
    }

    #[test]
    fn other_versions_are_refused() {
        let error = Shipped::read(br#"{"version":2,"operator":"zip"}"#).unwrap_err();
        assert!(error.to_string().contains("version 2"), "{error}");
        assert!(Shipped::read(b"{}").is_err());
        assert!(Shipped::read(br#"{"version":1,"operator":"zip"}"#).unwrap().over(&[]).is_err());
    }
}
