//! The logical plan of a source node: scan, derived columns, and one truth value per check.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableSource, cast};
use mlsys_plan::{Derived, Expr as PlanExpr, Source};

use crate::error::DataError;
use crate::expr::{column, lower};
use crate::sources::{FILE, ROW};
use crate::table::POSITION;

/// The column that counts the rows of a scan.
const NUMBER: &str = "__number";

/// The plan whose columns are the source's columns, each row's place, and the checks in the order of
/// [`super::judge`]: the time is present, each `known at` is not before it, each expectation.
///
/// # Errors
/// E0910 if an expression uses a function that is not known.
pub(crate) fn logical_plan(source: &Source, table: Arc<dyn TableSource>) -> Result<LogicalPlan, DataError> {
    let declared: Vec<&str> = source.schema.iter().map(|field| field.name.as_str()).collect();
    let mut plan = LogicalPlanBuilder::scan(source.name.as_str(), table, None)?;
    let mut others = vec![FILE, ROW];
    if !PlanExpr::lookups(source.exprs()).is_empty() {
        // What is looked up as of a row's time comes back by the row's number.
        plan = plan.window([row_number().alias(NUMBER)])?;
        let own = declared.iter().copied().chain([FILE, ROW]).map(column);
        plan = plan.project(own.chain([cast(column(NUMBER), DataType::Int64).alias(POSITION)]).collect::<Vec<_>>())?;
        others.push(POSITION);
    }
    plan = derive(plan, &declared, &source.derived, &others)?;
    let derived = source.derived.iter().map(|derived| derived.name.as_str());
    let columns = declared.into_iter().chain(derived).chain([FILE, ROW]).map(column);
    let outputs: Vec<Expr> = columns.chain(checks(source)?).collect();
    Ok(plan.project(outputs)?.build()?)
}

/// Adds columns, each computed from columns before it, to the given ones; `others` are carried along behind.
///
/// # Errors
/// E0910 if an expression uses a function that is not known.
pub(crate) fn derive(
    mut plan: LogicalPlanBuilder,
    given: &[&str],
    derived: &[Derived],
    others: &[&str],
) -> Result<LogicalPlanBuilder, DataError> {
    let mut present: Vec<&str> = given.to_vec();
    let mut rest = derived;
    while !rest.is_empty() {
        let level = independent(rest);
        let (now, later) = rest.split_at(level);
        let mut outputs: Vec<Expr> = present.iter().map(|name| column(name)).collect();
        for derived in now {
            outputs.push(lower(&derived.expr)?.alias(derived.name.as_str()));
        }
        outputs.extend(others.iter().map(|name| column(name)));
        plan = plan.project(outputs)?;
        present.extend(now.iter().map(|derived| derived.name.as_str()));
        rest = later;
    }
    Ok(plan)
}

/// How many of the first definitions do not read each other.
fn independent(derived: &[Derived]) -> usize {
    let mut defined: BTreeSet<&str> = BTreeSet::new();
    for (index, derived) in derived.iter().enumerate() {
        let mut reads_one = false;
        derived.expr.visit_columns(&mut |name| reads_one |= defined.contains(name));
        if reads_one {
            return index;
        }
        defined.insert(&derived.name);
    }
    derived.len()
}

/// The checks of a source in their order, each null or true where it is satisfied.
///
/// # Errors
/// E0910 if an expression uses a function that is not known.
pub(crate) fn checks(source: &Source) -> Result<Vec<Expr>, DataError> {
    let mut checks = Vec::new();
    if let Some(time) = &source.time {
        checks.push(column(time).is_not_null().alias("__check.time"));
        for known in &source.known_at {
            let check = lower(&known.at)?.gt_eq(column(time));
            checks.push(check.alias(format!("__check.known.{}", known.column)));
        }
    }
    for (index, expectation) in source.expectations.iter().enumerate() {
        checks.push(lower(&expectation.predicate)?.alias(format!("__check.{index}")));
    }
    Ok(checks)
}
