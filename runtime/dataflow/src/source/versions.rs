//! Versions of rows: of a source with a time, a later row with the same key replaces an earlier one from its own time on.
//!
//! Every version stays in the table, with the instant at which it was replaced, so that what is looked up as of an earlier
//! moment is what was there then. Of rows with one key and one time the one that was read last stays.

use datafusion::functions_window::expr_fn::lead;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, when};
use mlsys_plan::Source;

use crate::error::DataError;
use crate::expr::column;
use crate::table::{POSITION, REPLACED};

/// The column with the time of the next row of a key.
const NEXT: &str = "__next";

/// The rows of a plan, which are numbered by [`POSITION`], without those that have the key and the time of a later one, in
/// their order: every column of the source, and [`REPLACED`]. A key with a missing part is that of no other row.
///
/// # Errors
/// E0999 if the source has no key or no time.
pub(crate) fn versions(plan: LogicalPlanBuilder, source: &Source) -> Result<LogicalPlan, DataError> {
    let time = source.time.as_deref().filter(|_| !source.key.is_empty());
    let time = time.ok_or_else(|| DataError::internal("versions of rows without a time or a key"))?;
    let key: Vec<Expr> = source.key.iter().map(|name| column(name)).collect();
    let order = vec![column(time).sort(true, true), column(POSITION).sort(true, true)];
    let next = lead(column(time), Some(1), None).partition_by(key.clone()).order_by(order).build()?;
    let is_known = key.into_iter().map(Expr::is_not_null).reduce(Expr::and);
    let replaced = is_known.map(|is_known| when(is_known, column(NEXT)).end()).transpose()?;
    let replaced = replaced.ok_or_else(|| DataError::internal("a key without columns"))?.alias(REPLACED);
    let columns = source.columns();
    let own = || columns.iter().map(|(name, _)| column(name));
    let plan = plan.window([next.alias(NEXT)])?;
    let plan = plan.project(own().chain([replaced, column(POSITION)]).collect::<Vec<_>>())?;
    let stays = column(REPLACED).is_null().or(column(REPLACED).not_eq(column(time)));
    let plan = plan.filter(stays)?.sort([column(POSITION).sort(true, true)])?;
    Ok(plan.project(own().chain([column(REPLACED)]).collect::<Vec<_>>())?.build()?)
}
