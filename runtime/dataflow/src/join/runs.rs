//! Runs of equal keys in sorted batches.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt64Array};
use arrow::compute;
use arrow::datatypes::DataType;
use arrow::row::{RowConverter, Rows, SortField};
use datafusion::error::Result;

use crate::order::hashes;

/// A run of rows with one key. Keys are compared in Arrow's row format, which is injective.
#[derive(Clone)]
pub(super) struct Run {
    /// The first row.
    pub(super) start: usize,
    /// The row after the last one.
    pub(super) end: usize,
    /// Whether no part of the key is missing.
    pub(super) is_present: bool,
    hash: u64,
    keys: Arc<Rows>,
    index: usize,
}

impl Run {
    /// The order of two runs' keys: by their hashes first, as the rows are.
    pub(super) fn compare(&self, other: &Run) -> Ordering {
        self.hash.cmp(&other.hash).then_with(|| self.keys.row(self.index).cmp(&other.keys.row(other.index)))
    }
}

/// Finds the runs of batches with key columns of the given types.
pub(super) struct RunFinder {
    converter: RowConverter,
}

impl RunFinder {
    pub(super) fn new(types: impl Iterator<Item = DataType>) -> Result<Self> {
        Ok(RunFinder { converter: RowConverter::new(types.map(SortField::new).collect())? })
    }

    /// The runs of a batch that is not empty; its first row has the number `first`.
    pub(super) fn runs(&self, keys: &[ArrayRef], first: usize) -> Result<Vec<Run>> {
        let ranges = compute::partition(keys)?.ranges();
        // One key per run is converted, not one per row.
        let heads = UInt64Array::from_iter_values(ranges.iter().map(|range| range.start as u64));
        let heads: Vec<ArrayRef> = keys.iter().map(|key| compute::take(key, &heads, None)).collect::<Result<_, _>>()?;
        let rows = Arc::new(self.converter.convert_columns(&heads)?);
        let hashes = hashes(&heads, ranges.len())?;
        let run = |(index, range): (usize, std::ops::Range<usize>)| Run {
            start: first + range.start,
            end: first + range.end,
            is_present: heads.iter().all(|head| head.is_valid(index)),
            hash: hashes[index],
            keys: Arc::clone(&rows),
            index,
        };
        Ok(ranges.into_iter().enumerate().map(run).collect())
    }
}
