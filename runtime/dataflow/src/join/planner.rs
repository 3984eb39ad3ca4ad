//! From the logical node of the point-in-time join to its operator.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::PointInTimeExec;
use super::node::PointInTime;
use crate::order::{Order, OrderExec};

/// Plans the point-in-time join and nothing else.
pub(crate) struct PointInTimePlanner;

#[async_trait]
impl ExtensionPlanner for PointInTimePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _planning_context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(node), [observations, events]) = (node.as_any().downcast_ref::<PointInTime>(), physical_inputs)
        else {
            return Ok(None);
        };
        let spec = &node.spec;
        let keys = spec.keys;
        // The observations of another join of the same entity are in order.
        let is_ordered = observations.downcast_ref::<PointInTimeExec>().is_some_and(|join| join.spec().keys == keys);
        let mut observations = Arc::clone(observations);
        if !is_ordered {
            observations = Arc::new(OrderExec::try_new(observations, Order::Keys { keys, then: vec![spec.time()] })?);
        }
        let then = [spec.time()].into_iter().chain(spec.order.iter().copied()).collect();
        let events = OrderExec::try_new(Arc::clone(events), Order::Keys { keys, then })?;
        let exec = PointInTimeExec::try_new(observations, Arc::new(events), spec.clone())?;
        Ok(Some(Arc::new(exec)))
    }
}
