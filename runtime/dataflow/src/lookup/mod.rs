//! Lookups: `planes[tailnum].seats` reads a static source by its key, `airport_weather[origin].wind` a group or a source
//! with a time as of the row's own time.
//!
//! In a plan a lookup only says which table it reads; [`bind`] puts in what is read before the plan runs. A static table
//! is held in memory as a whole, as it will be where requests are answered. What depends on time is a point-in-time join
//! of the rows that ask, beside which the values then stand.

mod as_of;
mod fixed;
mod function;
mod looked;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};

pub(crate) use self::as_of::AsOf;
pub(crate) use self::fixed::StaticTable;
pub(crate) use self::function::lookup;
pub(crate) use self::looked::{Looked, met, until};

use self::function::LookUp;
use crate::error::DataError;
use crate::table::Member;

/// The tables that expressions look values up in, by name.
pub(crate) type Tables = BTreeMap<String, Table>;

/// A table that is looked up.
#[derive(Clone)]
pub(crate) enum Table {
    /// The rows of a static source.
    Static(Arc<StaticTable>),
    /// What depends on the time of the row that asks.
    AsOf(Arc<AsOf>),
}

impl Table {
    /// The files that hold the rows of what depends on time.
    pub(crate) fn files(&self) -> &[Member] {
        match self {
            Table::Static(_) => &[],
            Table::AsOf(table) => table.members(),
        }
    }
}

/// Puts into a plan what its lookups read; `time` is the column with the own time of the rows that ask.
///
/// # Errors
/// E0999 if a table is looked up that is not among these.
pub(crate) fn bind(plan: LogicalPlan, tables: &Tables, time: Option<&str>) -> Result<LogicalPlan> {
    let bound = plan.transform_up(|node| {
        let node = node.map_expressions(|expr| expr.transform_up(|each| fixed(each, tables)))?.data;
        as_of::beside(node, tables, time)
    })?;
    Ok(bound.data)
}

/// A lookup of a static table with the table in it; others stay as they are.
///
/// # Errors
/// As [`bind`].
pub(crate) fn fixed(expr: Expr, tables: &Tables) -> Result<Transformed<Expr>> {
    let Some((found, keys)) = LookUp::unbound(&expr) else { return Ok(Transformed::no(expr)) };
    match tables.get(&found.table) {
        Some(Table::Static(content)) => Ok(Transformed::yes(found.bound(content, keys))),
        Some(Table::AsOf(_)) => Ok(Transformed::no(expr)),
        None => Err(DataError::internal(format!("`{}` is looked up and was not read", found.table)).into()),
    }
}

/// The table that an expression looks up, if it is such a lookup and the table is not in it.
pub(crate) fn unbound_table(expr: &Expr) -> Option<String> {
    LookUp::unbound(expr).map(|(found, _)| found.table.clone())
}
