//! Hashes of keys, by which rows are put in order before their keys are compared.

use arrow::array::ArrayRef;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::error::Result;

/// Another seed than that of DataFusion's own partitioning: what it has put together is still told apart.
const SEED: RandomState = RandomState::with_seed(0x6d6c_7379_735f_7069);

/// A hash for each row of the key columns; equal keys have equal hashes, whatever batch they are in. No keys are one key.
pub(crate) fn hashes(keys: &[ArrayRef], rows: usize) -> Result<Vec<u64>> {
    let mut hashes = vec![0; rows];
    create_hashes(keys, &SEED, &mut hashes)?;
    Ok(hashes)
}
