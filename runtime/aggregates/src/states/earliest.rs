//! What `first` keeps: the earliest value.

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::DataType;

use super::latest;
use crate::bytes::Reader;
use crate::chunks::Chunks;
use crate::columns;
use crate::error::AggregateError;
use crate::kernel::Sliding;
use crate::ranges::Ranges;
use crate::summary::State;

/// The beginning of each range.
pub(crate) struct Beginnings {
    values: Chunks,
}

impl Beginnings {
    /// Windows over a column of a type.
    pub(crate) fn boxed(ty: &DataType) -> Box<dyn Sliding> {
        Box::new(Beginnings { values: Chunks::new(ty) })
    }
}

impl Sliding for Beginnings {
    fn append(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        self.values.append(values)
    }

    fn slide(
        &mut self,
        _window: usize,
        ranges: Ranges<'_>,
        _outputs: &[usize],
    ) -> Result<Vec<ArrayRef>, AggregateError> {
        Ok(vec![self.values.take(ranges.iter().map(|(low, high)| (low < high).then_some(low)))?])
    }

    fn release(&mut self, before: usize) {
        self.values.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.bytes()
    }
}

/// The earliest value, as a column of one.
#[derive(Clone)]
pub(crate) struct Earliest {
    ty: DataType,
    value: Option<ArrayRef>,
}

impl Earliest {
    /// No value.
    pub(crate) fn new(ty: &DataType) -> Self {
        Earliest { ty: ty.clone(), value: None }
    }

    fn column(&self) -> ArrayRef {
        self.value.clone().unwrap_or_else(|| new_null_array(&self.ty, 1))
    }
}

impl State for Earliest {
    fn update(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        latest::check_type(&self.ty, values)?;
        if self.value.is_none() && !values.is_empty() {
            self.value = Some(latest::copy(values, 0, 1)?);
        }
        Ok(())
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        self.value = self.value.take().or_else(|| later.value.clone());
        Ok(())
    }

    fn finish(&self, _window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        Ok(self.column())
    }

    fn write(&self, out: &mut Vec<u8>) {
        columns::write_single(out, &self.column());
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        self.value = columns::read_single(reader, &self.ty)?;
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, |value| value.get_array_memory_size())
    }
}
