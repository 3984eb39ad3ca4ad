//! Rows back in the order of their positions.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;

use super::{Order, OrderExec};
use crate::table::POSITION;

/// Puts [`OrderExec`] in the place of a sort by position alone: where each row goes is known without comparing any.
#[derive(Debug)]
pub(crate) struct OrderByPosition;

impl PhysicalOptimizerRule for OrderByPosition {
    fn name(&self) -> &'static str {
        "order_by_position"
    }

    fn schema_check(&self) -> bool {
        true
    }

    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_down(|plan| match sorted_by_position(&plan) {
            Some((input, position)) => {
                let input = Arc::new(CoalescePartitionsExec::new(Arc::clone(input)));
                Ok(Transformed::yes(Arc::new(OrderExec::try_new(input, Order::Position(position))?)))
            }
            None => Ok(Transformed::no(plan)),
        })
        .map(|transformed| transformed.data)
    }
}

/// What is sorted by position alone, in one sort or in one a partition, and where the position is.
fn sorted_by_position(plan: &Arc<dyn ExecutionPlan>) -> Option<(&Arc<dyn ExecutionPlan>, usize)> {
    let (sort, is_merged) = match plan.downcast_ref::<SortPreservingMergeExec>() {
        Some(merge) => (merge.input().downcast_ref::<SortExec>()?, true),
        None => (plan.downcast_ref::<SortExec>()?, false),
    };
    let [by] = sort.expr().as_ref() else { return None };
    let column = by.expr.downcast_ref::<Column>()?;
    let whole = sort.fetch().is_none() && !by.options.descending && (is_merged || !sort.preserve_partitioning());
    (whole && column.name() == POSITION).then(|| (sort.input(), column.index()))
}
