//! What `last`, `last_n` and `collect` keep: the latest values in the order of the rows.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef, UInt64Array, new_empty_array, new_null_array};
use arrow::compute;
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::lists;
use crate::bytes::{Reader, write_count};
use crate::chunks::Chunks;
use crate::columns;
use crate::error::AggregateError;
use crate::kernel::Sliding;
use crate::ranges::Ranges;
use crate::summary::State;

/// Beyond so many arrays, the values are copied into one.
const ARRAYS: usize = 64;

/// Which of the latest values are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The last one.
    One,
    /// A list of at most so many, the latest last.
    Most(usize),
}

impl Ending {
    fn most(self) -> usize {
        match self {
            Ending::One => 1,
            Ending::Most(most) => most,
        }
    }
}

/// The end of each range.
pub(crate) struct Endings {
    values: Chunks,
    ending: Ending,
}

impl Endings {
    /// Windows over a column of a type.
    pub(crate) fn boxed(ty: &DataType, ending: Ending) -> Box<dyn Sliding> {
        Box::new(Endings { values: Chunks::new(ty), ending })
    }

    fn lists(&self, ranges: Ranges<'_>, most: usize) -> Result<ArrayRef, AggregateError> {
        let lengths: Vec<usize> = ranges.lengths().map(|length| length.min(most)).collect();
        let positions = ranges.iter().flat_map(|(low, high)| (low.max(high.saturating_sub(most))..high).map(Some));
        lists::column(&lengths, self.values.take(positions)?)
    }
}

impl Sliding for Endings {
    fn append(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        self.values.append(values)
    }

    fn slide(
        &mut self,
        _window: usize,
        ranges: Ranges<'_>,
        _outputs: &[usize],
    ) -> Result<Vec<ArrayRef>, AggregateError> {
        let last = ranges.iter().map(|(low, high)| high.checked_sub(1).filter(|last| *last >= low));
        Ok(vec![match self.ending {
            Ending::One => self.values.take(last)?,
            Ending::Most(most) => self.lists(ranges, most)?,
        }])
    }

    fn release(&mut self, before: usize) {
        self.values.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }
}

/// The latest values, in the arrays they came in. The first of these may hold values that are too early.
#[derive(Clone)]
pub(crate) struct Latest {
    ty: DataType,
    ending: Ending,
    arrays: VecDeque<ArrayRef>,
    len: usize,
}

impl Latest {
    /// No values.
    pub(crate) fn new(ty: &DataType, ending: Ending) -> Self {
        Latest { ty: ty.clone(), ending, arrays: VecDeque::new(), len: 0 }
    }

    /// The values as one column.
    fn column(&self) -> Result<ArrayRef, AggregateError> {
        if self.arrays.is_empty() {
            return Ok(new_empty_array(&self.ty));
        }
        let arrays: Vec<&dyn Array> = self.arrays.iter().map(AsRef::as_ref).collect();
        let values = compute::concat(&arrays)?;
        let kept = self.len.min(self.ending.most());
        Ok(values.slice(self.len - kept, kept))
    }

    /// Refuses more than offsets of 32 bits can address, so that the values always make one column.
    fn check_size(&self) -> Result<(), AggregateError> {
        let sizes = self.arrays.iter().map(|array| array.to_data().get_slice_memory_size());
        let size = sizes.sum::<Result<usize, ArrowError>>()?;
        i32::try_from(size).map_or(Err(ArrowError::OffsetOverflowError(size).into()), |_| Ok(()))
    }

    fn push(&mut self, values: ArrayRef) {
        self.len += values.len();
        self.arrays.push_back(values);
        while let Some(first) = self.arrays.front().filter(|first| self.len - first.len() >= self.ending.most()) {
            self.len -= first.len();
            self.arrays.pop_front();
        }
    }
}

impl State for Latest {
    fn update(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        check_type(&self.ty, values)?;
        if values.is_empty() {
            return Ok(());
        }
        // A few values of a large batch would hold all of it.
        let kept = values.len().min(self.ending.most());
        let values =
            if kept < values.len() { copy(values, values.len() - kept, kept)? } else { ArrayRef::clone(values) };
        self.push(values);
        if self.arrays.len() > ARRAYS {
            let column = self.column()?;
            self.len = column.len();
            self.arrays = VecDeque::from([column]);
        }
        self.check_size()
    }

    fn is_like(&self, other: &Self) -> bool {
        self.ending == other.ending
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        let column = later.column()?;
        self.update(&column, &[])
    }

    fn finish(&self, _window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        let values = self.column()?;
        match self.ending {
            Ending::One if values.is_empty() => Ok(new_null_array(&self.ty, 1)),
            Ending::One => Ok(values),
            Ending::Most(_) => lists::column(&[values.len()], values),
        }
    }

    /// At most how many values there may be, how many there are, and the values.
    fn write(&self, out: &mut Vec<u8>) {
        // The size has been checked, which is the only reason for which it may fail.
        let values = self.column().unwrap_or_else(|_| new_empty_array(&self.ty));
        write_count(out, self.ending.most() as u64);
        write_count(out, values.len() as u64);
        columns::write(out, &values);
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        if reader.length()? != self.ending.most() {
            return Err(reader.error("it is of another number of values"));
        }
        let length = reader.length()?;
        if length > self.ending.most() {
            return Err(reader.error("it has too many values"));
        }
        let values = columns::read(reader, &self.ty, length)?;
        if !values.is_empty() {
            self.push(values);
        }
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.arrays.iter().map(|array| array.get_array_memory_size()).sum()
    }
}

/// Refuses a column of another type.
pub(crate) fn check_type(ty: &DataType, values: &ArrayRef) -> Result<(), AggregateError> {
    if values.data_type() == ty { Ok(()) } else { Err(AggregateError::unexpected(&ty.to_string(), values.data_type())) }
}

/// Some values of a column, in memory of their own.
pub(crate) fn copy(values: &ArrayRef, start: usize, length: usize) -> Result<ArrayRef, AggregateError> {
    let places = UInt64Array::from_iter_values((start..start + length).map(|place| place as u64));
    Ok(compute::take(values, &places, None)?)
}
