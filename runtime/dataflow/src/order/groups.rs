//! Numbering keys: each row gets the rank of its key among the different keys.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type};
use arrow::row::{RowConverter, SortField};
use datafusion::common::hash_utils::RandomState;
use datafusion::error::Result;

use super::hashes::hashes;

/// Rows whose keys are converted at a time.
const CHUNK: usize = 8192;

/// The rows' keys as ranks.
pub(super) struct Groups {
    /// Each row's rank: the number of different keys before its own.
    pub(super) ranks: Vec<u32>,
    /// How many different keys there are.
    pub(super) count: usize,
}

/// The ranks of rows with the given key columns: by the hashes of keys, and then in the order in which Arrow sorts them,
/// missing parts first.
pub(super) fn groups(keys: &[ArrayRef], rows: usize) -> Result<Groups> {
    match keys {
        [] => Ok(Groups { ranks: vec![0; rows], count: usize::from(rows > 0) }),
        [key] if key.data_type() == &DataType::Int64 && key.null_count() == 0 => {
            of_integers(key.as_primitive::<Int64Type>().values())
        }
        _ => of_any(keys, rows),
    }
}

fn of_integers(keys: &[i64]) -> Result<Groups> {
    let mut numbers: HashMap<i64, u32, RandomState> = HashMap::default();
    let mut different: Vec<i64> = Vec::new();
    let number = |key: &i64| {
        *numbers.entry(*key).or_insert_with(|| {
            different.push(*key);
            different.len() as u32 - 1
        })
    };
    let rows: Vec<u32> = keys.iter().map(number).collect();
    let column: ArrayRef = Arc::new(Int64Array::from(different));
    let hashes = hashes(&[Arc::clone(&column)], column.len())?;
    let different = column.as_primitive::<Int64Type>().values();
    Ok(ranked(rows, &hashes, |number| different[number as usize]))
}

/// Keys of any types and number, by Arrow's row format, which is injective and orders as sorts do.
fn of_any(keys: &[ArrayRef], rows: usize) -> Result<Groups> {
    let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let mut numbers: HashMap<Box<[u8]>, u32, RandomState> = HashMap::default();
    let mut rank_of_row = Vec::with_capacity(rows);
    let mut hash_of_number = Vec::new();
    for start in (0..rows).step_by(CHUNK) {
        let length = CHUNK.min(rows - start);
        let chunk: Vec<ArrayRef> = keys.iter().map(|key| key.slice(start, length)).collect();
        let hashes = hashes(&chunk, length)?;
        for (row, hash) in converter.convert_columns(&chunk)?.iter().zip(hashes) {
            let next = numbers.len() as u32;
            let number = match numbers.get(row.as_ref()) {
                Some(number) => *number,
                None => {
                    hash_of_number.push(hash);
                    *numbers.entry(row.as_ref().into()).or_insert(next)
                }
            };
            rank_of_row.push(number);
        }
    }
    let mut different: Vec<&[u8]> = vec![&[]; numbers.len()];
    for (key, number) in &numbers {
        different[*number as usize] = key;
    }
    Ok(ranked(rank_of_row, &hash_of_number, |number| different[number as usize]))
}

/// Numbers, given in the order of appearance, turned into ranks.
fn ranked<K: Ord>(mut rows: Vec<u32>, hashes: &[u64], key: impl Fn(u32) -> K) -> Groups {
    let count = hashes.len();
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.sort_unstable_by_key(|number| (hashes[*number as usize], key(*number)));
    let mut ranks = vec![0; count];
    for (rank, number) in (0..).zip(order) {
        ranks[number as usize] = rank;
    }
    rows.iter_mut().for_each(|number| *number = ranks[*number as usize]);
    Groups { ranks: rows, count }
}
