//! Putting columns beside rows: two inputs with the same positions, row by row.
//!
//! A join would have to find out which rows belong together; here both sides are ordered by position, and no position is
//! missing on either side.

mod exec;
mod node;
mod planner;

pub(crate) use exec::ZipExec;
pub(crate) use node::zip;
pub(crate) use planner::ZipPlanner;
