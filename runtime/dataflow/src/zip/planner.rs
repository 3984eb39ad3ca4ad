//! From the logical node to its operator.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::error::Result;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{ExtensionPlanner, PhysicalPlanner};

use super::exec::ZipExec;
use super::node::Zip;

/// Plans [`Zip`] and nothing else.
pub(crate) struct ZipPlanner;

#[async_trait]
impl ExtensionPlanner for ZipPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _planning_context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        match (node.as_any().downcast_ref::<Zip>(), physical_inputs) {
            (Some(_), [left, right]) => Ok(Some(Arc::new(ZipExec::try_new(Arc::clone(left), Arc::clone(right))?))),
            _ => Ok(None),
        }
    }
}
