//! Sorting rows by key and instant, as fast as memory allows.
//!
//! DataFusion's sort compares whole rows, which is right for any order. Rows that are grouped by a key need less: the
//! keys are numbered, the few different ones are sorted, every row goes to its key's place, and only rows of one key
//! are compared, by their instants, which mostly are in order already. That takes memory for all rows of a partition.
//!
//! Where there is not enough of it, rows are divided on disk, by the first bits of their keys' hashes or by ranges of their
//! positions, and each part is ordered when its turn comes: every row is written once and read once, however many there
//! are. For that the order of keys begins with their hashes. Rows of one key cannot be divided: where they alone are too
//! many, DataFusion's sort, which spills, orders them.

mod buckets;
mod exec;
mod groups;
mod hashes;
mod permutation;
mod placed;
mod replay;
mod rule;
mod segment;
mod work;

pub(crate) use exec::{Order, OrderExec, column, sorts};
pub(crate) use hashes::hashes;
pub(crate) use rule::OrderByPosition;
