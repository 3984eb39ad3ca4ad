//! What kernels keep of values: each is the one definition that sliding windows and summaries share.

pub(crate) mod bags;
pub(crate) mod buckets;
pub(crate) mod decay;
pub(crate) mod earliest;
pub(crate) mod extreme;
pub(crate) mod floats;
pub(crate) mod hyperloglog;
pub(crate) mod keys;
pub(crate) mod latest;
pub(crate) mod line;
pub(crate) mod lists;
pub(crate) mod moments;
pub(crate) mod ranked;
pub(crate) mod registers;
pub(crate) mod rows;
pub(crate) mod sorted;
pub(crate) mod sums;
pub(crate) mod tally;
pub(crate) mod totals;
pub(crate) mod winner;
