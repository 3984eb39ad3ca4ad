//! Null skipping, written once: ranges of rows become ranges of present values.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::compute;

use crate::error::{AggregateError, check_times};
use crate::ranges::{RangeBuffer, Ranges};
use crate::retained::Retained;

/// Which rows of a column have a value. While no null has been met, rows and present values have the same positions
/// and nothing is stored.
#[derive(Debug, Default)]
pub struct Present {
    /// Rows so far.
    rows: usize,
    /// Rows before this one will not be asked for.
    released: usize,
    /// For each row, from the first released one on, how many present values lie before it; one entry more than rows.
    before: Option<Retained<usize>>,
}

impl Present {
    /// Takes the next rows and returns their present values with the times of those, if times are given.
    ///
    /// # Errors
    /// Arrow cannot filter a column of this type, or there is not one time for every row.
    pub fn append<'a>(
        &mut self,
        rows: &ArrayRef,
        times: &'a [i64],
    ) -> Result<(ArrayRef, Cow<'a, [i64]>), AggregateError> {
        match nulls_of(rows) {
            Some(nulls) => self.append_nulls(nulls, rows.len()),
            None => self.append_present(rows.len()),
        }
        filter(rows, times)
    }

    fn append_nulls(&mut self, nulls: &NullBuffer, rows: usize) {
        let before = self.before.get_or_insert_with(|| counts_without_nulls(self.released, self.rows));
        let mut count = before[self.rows];
        before.extend(nulls.iter().map(|present| {
            count += usize::from(present);
            count
        }));
        self.rows += rows;
    }

    /// The ranges of present values that belong to ranges of rows.
    pub fn ranges<'a>(&self, rows: Ranges<'a>, buffer: &'a mut RangeBuffer) -> Ranges<'a> {
        let Some(before) = &self.before else { return rows };
        buffer.clear();
        for (low, high) in rows.iter() {
            buffer.push(before[low], before[high]);
        }
        buffer.as_ranges()
    }

    /// Forgets rows before a position, and returns how many present values lie before it.
    pub fn release(&mut self, before: usize) -> usize {
        self.released = before;
        match &mut self.before {
            None => before,
            Some(counts) => {
                let present = counts[before];
                counts.release(before);
                present
            }
        }
    }

    /// Bytes that are held, about.
    pub fn bytes(&self) -> usize {
        self.before.as_ref().map_or(0, Retained::bytes)
    }

    fn append_present(&mut self, rows: usize) {
        if let Some(before) = &mut self.before {
            let count = before[self.rows];
            before.extend(count + 1..=count + rows);
        }
        self.rows += rows;
    }
}

/// The present values of a column with the times of their rows, if times are given.
pub(crate) fn filter<'a>(rows: &ArrayRef, times: &'a [i64]) -> Result<(ArrayRef, Cow<'a, [i64]>), AggregateError> {
    if !times.is_empty() {
        check_times(rows.len(), times.len())?;
    }
    let Some(nulls) = nulls_of(rows) else {
        return Ok((ArrayRef::clone(rows), Cow::Borrowed(times)));
    };
    let mask = compute::is_not_null(rows)?;
    let present = times.iter().zip(nulls.iter()).filter_map(|(time, present)| present.then_some(*time));
    Ok((compute::filter(rows, &mask)?, present.collect()))
}

/// The nulls of a column, if it has any. Dictionaries and unions may hide theirs; plan columns have neither type.
fn nulls_of(rows: &ArrayRef) -> Option<&NullBuffer> {
    rows.nulls().filter(|nulls| nulls.null_count() > 0)
}

/// The counts at `from..=to` when every row so far had a value.
fn counts_without_nulls(from: usize, to: usize) -> Retained<usize> {
    let mut counts = Retained::starting_at(from);
    counts.extend(from..=to);
    counts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::Present;
    use crate::ranges::{RangeBuffer, Ranges};

    #[test]
    fn rows_become_present_values() {
        let mut present = Present::default();
        let batches: [&[Option<i64>]; 3] = [&[Some(1), Some(2)], &[None, Some(3), None], &[Some(4)]];
        let kept: Vec<(usize, Vec<i64>)> = batches
            .iter()
            .map(|batch| {
                let rows: ArrayRef = Arc::new(Int64Array::from(batch.to_vec()));
                let times: Vec<i64> = (0..).take(batch.len()).collect();
                let (values, times) = present.append(&rows, &times).unwrap();
                (values.len(), times.into_owned())
            })
            .collect();
        assert_eq!(kept, [(2, vec![0, 1]), (1, vec![1]), (1, vec![0])]);
        let mut buffer = RangeBuffer::default();
        let dense = present.ranges(Ranges::new(&[0, 1, 2, 4, 5], &[2, 4, 3, 5, 6]), &mut buffer);
        assert_eq!(dense.iter().collect::<Vec<_>>(), [(0, 2), (1, 3), (2, 2), (3, 3), (3, 4)]);
        assert_eq!(present.release(4), 3);
    }
}
