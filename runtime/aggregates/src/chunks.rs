//! Values of any type, kept as the arrays they came in and picked by position.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::compute;
use arrow::datatypes::DataType;

use crate::error::AggregateError;

/// Present values by position, in the arrays they came in.
pub(crate) struct Chunks {
    ty: DataType,
    /// Each array with the position of its first value; none is empty.
    arrays: VecDeque<(usize, ArrayRef)>,
    end: usize,
}

impl Chunks {
    pub(crate) fn new(ty: &DataType) -> Self {
        Chunks { ty: ty.clone(), arrays: VecDeque::new(), end: 0 }
    }

    pub(crate) fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        if values.data_type() != &self.ty {
            return Err(AggregateError::unexpected(&self.ty.to_string(), values.data_type()));
        }
        if !values.is_empty() {
            self.arrays.push_back((self.end, ArrayRef::clone(values)));
            self.end += values.len();
        }
        Ok(())
    }

    /// The array that holds a position, and the index in it.
    pub(crate) fn locate(&self, position: usize) -> (usize, usize) {
        let chunk = self.arrays.partition_point(|(start, _)| *start <= position) - 1;
        (chunk, position - self.arrays[chunk].0)
    }

    pub(crate) fn array(&self, chunk: usize) -> &ArrayRef {
        &self.arrays[chunk].1
    }

    /// The values at the given positions; null where there is none.
    pub(crate) fn take(&self, positions: impl Iterator<Item = Option<usize>>) -> Result<ArrayRef, AggregateError> {
        let missing = new_null_array(&self.ty, 1);
        let mut sources: Vec<&dyn Array> = vec![missing.as_ref()];
        sources.extend(self.arrays.iter().map(|(_, array)| array.as_ref()));
        let picks: Vec<(usize, usize)> = positions
            .map(|position| {
                position.map_or((0, 0), |position| {
                    let (chunk, index) = self.locate(position);
                    (chunk + 1, index)
                })
            })
            .collect();
        Ok(compute::interleave(&sources, &picks)?)
    }

    pub(crate) fn release(&mut self, before: usize) {
        while self.arrays.front().is_some_and(|(start, array)| start + array.len() <= before) {
            self.arrays.pop_front();
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.arrays.iter().map(|(_, array)| array.get_array_memory_size()).sum()
    }
}
