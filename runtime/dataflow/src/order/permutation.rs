//! The order of rows, as the row that stands at each place.

use std::cmp::Ordering;

use arrow::array::make_comparator;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use datafusion::error::Result;

use super::groups::{Groups, groups};

/// The rows of `columns` in order: by the first `keys` columns, then by the columns `then`, what is missing first.
/// There are fewer than 2^32 rows.
///
/// # Errors
/// Arrow cannot compare values of a column.
pub(super) fn permutation(columns: &[ArrayRef], keys: usize, then: &[usize]) -> Result<Vec<u32>> {
    let rows = columns.first().map_or(0, |column| column.len());
    if let (0, [by]) = (keys, then)
        && let Some(places) = numbered(&columns[*by])
    {
        return Ok(places);
    }
    let Groups { ranks, count } = groups(&columns[..keys], rows)?;
    let (mut places, ends) = grouped(&ranks, count);
    drop(ranks);
    let then: Vec<&ArrayRef> = then.iter().map(|index| &columns[*index]).collect();
    let order = Then::new(&then)?;
    let mut start = 0;
    let mut scratch = Vec::new();
    for end in ends {
        order.sort(&mut places[start..end], &mut scratch);
        start = end;
    }
    Ok(places)
}

/// The order by a column that numbers the rows without a gap, if it does.
fn numbered(column: &ArrayRef) -> Option<Vec<u32>> {
    const NONE: u32 = u32::MAX;
    let values = Leading::of(column).filter(|_| column.null_count() == 0)?.values;
    let least = values.iter().copied().min()?;
    let mut places = vec![NONE; values.len()];
    for (row, value) in (0..).zip(values) {
        let place = places.get_mut(usize::try_from(value.checked_sub(least)?).ok()?)?;
        if std::mem::replace(place, row) != NONE {
            return None;
        }
    }
    Some(places)
}

/// Rows gathered by rank, in their order within each, and where each rank's rows end.
fn grouped(ranks: &[u32], count: usize) -> (Vec<u32>, Vec<usize>) {
    let mut next = vec![0_usize; count];
    for rank in ranks {
        next[*rank as usize] += 1;
    }
    let mut before = 0;
    for start in &mut next {
        let rows = std::mem::replace(start, before);
        before += rows;
    }
    let mut places = vec![0_u32; ranks.len()];
    for (row, rank) in (0..).zip(ranks) {
        let place = &mut next[*rank as usize];
        places[*place] = row;
        *place += 1;
    }
    (places, next)
}

type Comparator = Box<dyn Fn(usize, usize) -> Ordering + Send + Sync>;

/// The order of rows with one key.
struct Then<'a> {
    /// The first column as numbers, where it is one of numbers or instants; what is missing is the least.
    first: Option<Leading<'a>>,
    /// What decides between rows that are equal by that.
    rest: Vec<Comparator>,
}

struct Leading<'a> {
    values: &'a [i64],
    column: &'a ArrayRef,
}

impl<'a> Then<'a> {
    fn new(columns: &[&'a ArrayRef]) -> Result<Self> {
        let options = SortOptions { descending: false, nulls_first: true };
        let first = columns.first().and_then(|column| Leading::of(column));
        // A missing first value and the least one look alike as numbers: comparing them again tells them apart.
        let is_decided = first.as_ref().is_some_and(|leading| leading.column.null_count() == 0);
        let rest = columns.iter().skip(usize::from(is_decided));
        let rest = rest.map(|column| make_comparator(column, column, options)).collect::<Result<_, _>>()?;
        Ok(Then { first, rest })
    }

    /// Sorts rows of one key. Rows that are equal in all columns keep their order.
    fn sort(&self, rows: &mut [u32], scratch: &mut Vec<(i64, u32)>) {
        let Some(leading) = &self.first else {
            rows.sort_by(|a, b| self.compare_rest(*a, *b));
            return;
        };
        scratch.clear();
        scratch.extend(rows.iter().map(|row| (leading.value(*row), *row)));
        let order = |a: &(i64, u32), b: &(i64, u32)| a.0.cmp(&b.0).then_with(|| self.compare_rest(a.1, b.1));
        if scratch.is_sorted_by(|a, b| order(a, b) != Ordering::Greater) {
            return;
        }
        scratch.sort_by(order);
        for (row, (_, sorted)) in rows.iter_mut().zip(&*scratch) {
            *row = *sorted;
        }
    }

    fn compare_rest(&self, a: u32, b: u32) -> Ordering {
        let compare = |comparator: &Comparator| comparator(a as usize, b as usize);
        self.rest.iter().map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

impl<'a> Leading<'a> {
    fn of(column: &'a ArrayRef) -> Option<Self> {
        let values: &[i64] = match column.data_type() {
            DataType::Int64 => column.as_primitive::<Int64Type>().values(),
            DataType::Timestamp(..) => column.as_primitive_opt::<TimestampMicrosecondType>()?.values(),
            _ => return None,
        };
        Some(Leading { values, column })
    }

    fn value(&self, row: u32) -> i64 {
        let row = row as usize;
        if self.column.is_null(row) { i64::MIN } else { self.values[row] }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Array, ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, UInt64Array,
    };
    use arrow::compute::{SortColumn, SortOptions, lexsort_to_indices};
    use proptest::prelude::*;

    use super::permutation;
    use crate::order::hashes;

    const EDGES: [i64; 5] = [i64::MIN, -1, 0, 7, i64::MAX];

    type Row = (Option<usize>, Option<usize>, Option<usize>, u8);

    fn row() -> impl Strategy<Value = Row> {
        let edge = || prop::option::weighted(0.9, 0..EDGES.len());
        (edge(), edge(), edge(), 0..3_u8)
    }

    /// The columns, and behind them the row's number, which makes the order a total one.
    fn columns(rows: &[Row]) -> Vec<ArrayRef> {
        let numbers = |values: Vec<Option<usize>>| values.into_iter().map(|value| value.map(|edge| EDGES[edge]));
        let integers: Int64Array = numbers(rows.iter().map(|row| row.0).collect()).collect();
        let texts: StringArray = rows.iter().map(|row| row.1.map(|edge| EDGES[edge].to_string())).collect();
        let times: TimestampMicrosecondArray = numbers(rows.iter().map(|row| row.2).collect()).collect();
        let floats: Float64Array = rows.iter().map(|row| [None, Some(f64::NAN), Some(-0.0)][row.3 as usize]).collect();
        let places = Int64Array::from_iter_values((0..rows.len() as i64).rev());
        vec![Arc::new(integers), Arc::new(texts), Arc::new(times), Arc::new(floats), Arc::new(places)]
    }

    fn by_arrow(columns: &[ArrayRef], keys: &[usize], then: &[usize]) -> Vec<u32> {
        let options = Some(SortOptions { descending: false, nulls_first: true });
        let chosen: Vec<ArrayRef> = keys.iter().map(|index| Arc::clone(&columns[*index])).collect();
        let hashes: ArrayRef = Arc::new(UInt64Array::from(hashes(&chosen, columns[0].len()).unwrap()));
        let order = keys.iter().chain(then).map(|index| Arc::clone(&columns[*index]));
        let sorts: Vec<SortColumn> =
            [hashes].into_iter().chain(order).map(|values| SortColumn { values, options }).collect();
        lexsort_to_indices(&sorts, None).unwrap().values().to_vec()
    }

    proptest! {
        /// As Arrow sorts, by the hash of the keys first: one key of integers with and without missing ones, of text, of both, and none.
        #[test]
        fn rows_are_in_the_order_of_a_sort(rows in prop::collection::vec(row(), 0..60)) {
            let columns = columns(&rows);
            let by = |keys: &[usize], then: &[usize]| {
                let chosen: Vec<ArrayRef> =
                    keys.iter().chain(then).map(|index| Arc::clone(&columns[*index])).collect();
                let then: Vec<usize> = (keys.len()..chosen.len()).collect();
                permutation(&chosen, keys.len(), &then).unwrap()
            };
            for keys in [&[0][..], &[1], &[0, 1], &[]] {
                prop_assert_eq!(by(keys, &[2, 3, 4]), by_arrow(&columns, keys, &[2, 3, 4]), "keys {:?}", keys);
                prop_assert_eq!(by(keys, &[3, 4]), by_arrow(&columns, keys, &[3, 4]), "keys {:?}", keys);
            }
            prop_assert_eq!(by(&[], &[4]), by_arrow(&columns, &[], &[4]));
        }
    }

    #[test]
    fn positions_with_gaps_and_repetitions_are_sorted_all_the_same() {
        for (values, expected) in
            [(vec![5, 3, 9], vec![1, 0, 2]), (vec![2, 2, 1], vec![2, 0, 1]), (vec![i64::MAX, i64::MIN], vec![1, 0])]
        {
            let column: ArrayRef = Arc::new(Int64Array::from(values));
            assert_eq!(permutation(&[column], 0, &[0]).unwrap(), expected);
        }
        let none: ArrayRef = Arc::new(Int64Array::from(Vec::<i64>::new()));
        assert!(none.is_empty() && permutation(&[none], 0, &[0]).unwrap().is_empty());
    }
}
