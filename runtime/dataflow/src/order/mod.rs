//! Sorting rows by key and instant, as fast as memory allows.
//!
//! DataFusion's sort compares whole rows, which is right for any order. Rows that are grouped by a key need less: the
//! keys are numbered, the few different ones are sorted, every row goes to its key's place, and only rows of one key
//! are compared, by their instants, which mostly are in order already. That takes memory for all rows of a partition;
//! where there is not enough of it, DataFusion's sort, which spills, goes on with what was read.

mod exec;
mod groups;
mod permutation;
mod placed;
mod replay;
mod rule;
mod segment;

pub(crate) use exec::{OrderExec, column, sorts};
pub(crate) use rule::OrderByPosition;
