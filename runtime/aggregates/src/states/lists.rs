//! Columns of lists, and of values that may be missing, from their items.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, ListArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute;
use arrow::datatypes::{DataType, Field};
use arrow::error::ArrowError;

use crate::error::AggregateError;

/// The type of a list of values.
pub(crate) fn list_type(item: &DataType) -> DataType {
    DataType::new_list(item.clone(), true)
}

/// Lists of the given lengths, whose items are given one after the other; an empty one is missing.
pub(crate) fn column(lengths: &[usize], items: ArrayRef) -> Result<ArrayRef, AggregateError> {
    // Were a sum to be too large for an offset, so is the last one.
    i32::try_from(items.len()).map_err(|_| ArrowError::OffsetOverflowError(items.len()))?;
    let mut end = 0;
    let ends = lengths.iter().map(|length| {
        end += length;
        i32::try_from(end).unwrap_or(i32::MAX)
    });
    let offsets: ScalarBuffer<i32> = std::iter::once(0).chain(ends).collect();
    let nulls: NullBuffer = lengths.iter().map(|length| *length > 0).collect();
    let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
    Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::new(offsets), items, Some(nulls))?))
}

/// One value where the length is 1 and none where it is 0.
pub(crate) fn singles(lengths: &[usize], items: &ArrayRef) -> Result<ArrayRef, AggregateError> {
    let mut next = 0;
    let places: Int32Array = lengths
        .iter()
        .map(|length| {
            let place = (*length > 0).then_some(next);
            next += i32::from(*length > 0);
            place
        })
        .collect();
    Ok(compute::take(items, &places, None)?)
}
