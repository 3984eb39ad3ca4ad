//! Buckets of texts by a hash that never changes: XXH64 of their bytes (Collet, 2012).

use twox_hash::XxHash64;

use crate::sizes::dimension;

/// The hash's seed; models that were trained depend on it.
const SEED: u64 = 0;

/// The bucket of a text, from `first` on.
pub(super) fn bucket(text: &str, buckets: usize, first: usize) -> i64 {
    let hash = XxHash64::oneshot(SEED, text.as_bytes());
    let place = hash % u64::try_from(buckets.max(1)).unwrap_or(u64::MAX);
    dimension(first + usize::try_from(place).unwrap_or_default())
}
