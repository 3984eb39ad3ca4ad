//! Counts as libtorch has them.

/// A count, an index or a dimension of a tensor.
pub(crate) fn dimension(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
