//! What `min` and `max` keep where nothing slides: the extreme value.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, new_null_array};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType,
};

use super::extreme::{Keep, Ordered, Texts};
use crate::bytes::Reader;
use crate::chunks::Chunks;
use crate::columns;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::Kernel;
use crate::queue::Monoid;
use crate::summary::{self, State, Summary};

/// The summary that keeps the least or greatest value of a type, or none if the type has no order.
pub(crate) fn summary(
    kernel: &dyn Kernel,
    input: &Input<'_>,
    argument: &DataType,
    keep: Keep,
) -> Option<Box<dyn Summary>> {
    Some(match argument {
        DataType::Int32 => number::<Int32Type>(kernel, input, argument, keep),
        DataType::Int64 => number::<Int64Type>(kernel, input, argument, keep),
        DataType::Float32 => number::<Float32Type>(kernel, input, argument, keep),
        DataType::Float64 => number::<Float64Type>(kernel, input, argument, keep),
        DataType::Date32 => number::<Date32Type>(kernel, input, argument, keep),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            number::<TimestampMicrosecondType>(kernel, input, argument, keep)
        }
        DataType::Duration(TimeUnit::Microsecond) => number::<DurationMicrosecondType>(kernel, input, argument, keep),
        DataType::Utf8 | DataType::Binary => {
            summary::boxed(kernel, input, TextExtreme { ty: argument.clone(), keep, value: None })
        }
        _ => return None,
    })
}

fn number<T: ArrowPrimitiveType>(kernel: &dyn Kernel, input: &Input<'_>, ty: &DataType, keep: Keep) -> Box<dyn Summary>
where
    T::Native: Ordered,
{
    summary::boxed(kernel, input, Extreme::<T> { ty: ty.clone(), keep, value: None })
}

/// The extreme value of a run of numbers or times.
struct Extreme<T: ArrowPrimitiveType> {
    ty: DataType,
    keep: Keep,
    value: Option<T::Native>,
}

impl<T: ArrowPrimitiveType> Clone for Extreme<T> {
    fn clone(&self) -> Self {
        Extreme { ty: self.ty.clone(), keep: self.keep, value: self.value }
    }
}

impl<T: ArrowPrimitiveType> Extreme<T>
where
    T::Native: Ordered,
{
    fn push(&mut self, later: T::Native) {
        let value = self.value.map_or(later, |value| self.keep.of(value, later, T::Native::less));
        self.value = Some(value);
    }

    fn column(&self) -> ArrayRef {
        let value: PrimitiveArray<T> = std::iter::once(self.value).collect();
        Arc::new(value.with_data_type(self.ty.clone()))
    }
}

impl<T: ArrowPrimitiveType> State for Extreme<T>
where
    T::Native: Ordered,
{
    fn update(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        let values = values
            .as_primitive_opt::<T>()
            .ok_or_else(|| AggregateError::unexpected(&self.ty.to_string(), values.data_type()))?;
        values.values().iter().for_each(|value| self.push(value.canonical()));
        Ok(())
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        later.value.iter().for_each(|value| self.push(*value));
        Ok(())
    }

    fn finish(&self, _window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        Ok(self.column())
    }

    fn write(&self, out: &mut Vec<u8>) {
        columns::write_single(out, &self.column());
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        let value = columns::read_single(reader, &self.ty)?;
        value.map_or(Ok(()), |value| self.update(&value, &[]))
    }

    fn bytes(&self) -> usize {
        0
    }
}

/// The extreme value of a run of texts or bytes: a column of that one value.
#[derive(Clone)]
struct TextExtreme {
    ty: DataType,
    keep: Keep,
    value: Option<ArrayRef>,
}

impl State for TextExtreme {
    fn update(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        let mut texts = Texts { chunks: Chunks::new(&self.ty), keep: self.keep };
        self.value.iter().try_for_each(|value| texts.chunks.append(value))?;
        texts.chunks.append(values)?;
        let end = values.len() + usize::from(self.value.is_some());
        if let Some(winner) = (0..end).reduce(|earlier, later| texts.merge(earlier, later)) {
            self.value = Some(texts.chunks.take(std::iter::once(Some(winner)))?);
        }
        Ok(())
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        later.value.as_ref().map_or(Ok(()), |value| self.update(value, &[]))
    }

    fn finish(&self, _window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        Ok(self.value.clone().unwrap_or_else(|| new_null_array(&self.ty, 1)))
    }

    fn write(&self, out: &mut Vec<u8>) {
        columns::write_single(out, &self.value.clone().unwrap_or_else(|| new_null_array(&self.ty, 1)));
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        self.value = columns::read_single(reader, &self.ty)?;
        Ok(())
    }

    fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, |value| value.get_array_memory_size())
    }
}
