//! What `min` and `max` share: a monoid that keeps one of two values, and its windows.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveBuilder};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, DurationMicrosecondType, Float32Type, Float64Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType,
};

use crate::chunks::Chunks;
use crate::error::AggregateError;
use crate::kernel::Sliding;
use crate::queue::{Monoid, Queue};
use crate::ranges::Ranges;
use crate::retained::Retained;

/// Which of two values is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Least,
    Greatest,
}

/// The type of the least or greatest value: that of the argument, if its values have an order.
pub(crate) fn output(argument: Option<&DataType>) -> Option<DataType> {
    use DataType::{Binary, Boolean, Date32, Duration, Float32, Float64, Int32, Int64, Timestamp, Utf8};
    argument
        .filter(|ty| {
            matches!(
                ty,
                Boolean
                    | Int32
                    | Int64
                    | Float32
                    | Float64
                    | Date32
                    | Utf8
                    | Binary
                    | Timestamp(TimeUnit::Microsecond, _)
                    | Duration(TimeUnit::Microsecond)
            )
        })
        .cloned()
}

impl Keep {
    /// Which of two values is kept; the earlier one if they are equal.
    pub(super) fn of<V>(self, earlier: V, later: V, less: impl Fn(&V, &V) -> bool) -> V {
        let later_wins = match self {
            Keep::Least => less(&later, &earlier),
            Keep::Greatest => less(&earlier, &later),
        };
        if later_wins { later } else { earlier }
    }
}

/// The least or greatest value of each range, or none if the type has no order. NaN is greater than every number, and
/// `-0.0` is less than `0.0`.
pub(crate) fn sliding(argument: &DataType, windows: usize, keep: Keep) -> Option<Box<dyn Sliding>> {
    let ty = argument.clone();
    Some(match argument {
        DataType::Int32 => Extremes::<Int32Type>::boxed(ty, windows, keep),
        DataType::Int64 => Extremes::<Int64Type>::boxed(ty, windows, keep),
        DataType::Float32 => Extremes::<Float32Type>::boxed(ty, windows, keep),
        DataType::Float64 => Extremes::<Float64Type>::boxed(ty, windows, keep),
        DataType::Date32 => Extremes::<Date32Type>::boxed(ty, windows, keep),
        DataType::Timestamp(TimeUnit::Microsecond, _) => Extremes::<TimestampMicrosecondType>::boxed(ty, windows, keep),
        DataType::Duration(TimeUnit::Microsecond) => Extremes::<DurationMicrosecondType>::boxed(ty, windows, keep),
        DataType::Utf8 | DataType::Binary => TextExtremes::boxed(&ty, windows, keep),
        _ => return None,
    })
}

/// Extremes of numbers and times: the summary of a run is its extreme value.
struct Extremes<T: ArrowPrimitiveType> {
    ty: DataType,
    values: Numbers<T::Native>,
    windows: Vec<Queue<T::Native>>,
}

struct Numbers<N> {
    values: Retained<N>,
    keep: Keep,
}

impl<T: ArrowPrimitiveType> Extremes<T> {
    fn boxed(ty: DataType, windows: usize, keep: Keep) -> Box<dyn Sliding>
    where
        T::Native: Ordered,
    {
        let windows = (0..windows).map(|_| Queue::default()).collect();
        Box::new(Extremes::<T> { ty, values: Numbers { values: Retained::default(), keep }, windows })
    }
}

impl<N: Ordered> Monoid for Numbers<N> {
    type State = N;

    #[inline]
    fn lift(&self, position: usize) -> N {
        self.values[position]
    }

    #[inline]
    fn merge(&self, earlier: N, later: N) -> N {
        self.keep.of(earlier, later, N::less)
    }
}

impl<T: ArrowPrimitiveType> Sliding for Extremes<T>
where
    T::Native: Ordered,
{
    fn append(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        let values = values
            .as_primitive_opt::<T>()
            .ok_or_else(|| AggregateError::unexpected(&self.ty.to_string(), values.data_type()))?;
        self.values.values.extend(values.values().iter().map(|value| value.canonical()));
        Ok(())
    }

    fn slide(
        &mut self,
        window: usize,
        ranges: Ranges<'_>,
        _outputs: &[usize],
    ) -> Result<Vec<ArrayRef>, AggregateError> {
        let mut results = PrimitiveBuilder::<T>::with_capacity(ranges.len());
        self.windows[window].slide(&self.values, ranges, |value, _| results.append_option(value));
        Ok(vec![Arc::new(results.finish().with_data_type(self.ty.clone()))])
    }

    fn release(&mut self, before: usize) {
        self.values.values.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.values.bytes() + self.windows.iter().map(Queue::bytes).sum::<usize>()
    }
}

/// Numbers in a total order.
pub(super) trait Ordered: Copy + Send {
    /// The value that stands for all values equal to this one in the order.
    fn canonical(self) -> Self;

    fn less(&self, other: &Self) -> bool;
}

macro_rules! ordered_integers {
    ($($native:ty),*) => {$(
        impl Ordered for $native {
            fn canonical(self) -> Self {
                self
            }

            fn less(&self, other: &Self) -> bool {
                self < other
            }
        }
    )*};
}

/// IEEE's total order would put a NaN with a sign below every number, and dividing zero by zero gives such a NaN on
/// some processors: one NaN stands for all of them.
macro_rules! ordered_floats {
    ($($native:ty),*) => {$(
        impl Ordered for $native {
            fn canonical(self) -> Self {
                if self.is_nan() { <$native>::NAN } else { self }
            }

            fn less(&self, other: &Self) -> bool {
                self.total_cmp(other) == Ordering::Less
            }
        }
    )*};
}

ordered_integers!(i32, i64);
ordered_floats!(f32, f64);

/// Extremes of text and bytes: the summary of a run is the position of its extreme value.
struct TextExtremes {
    values: Texts,
    windows: Vec<Queue<usize>>,
}

pub(super) struct Texts {
    pub(super) chunks: Chunks,
    pub(super) keep: Keep,
}

impl TextExtremes {
    fn boxed(ty: &DataType, windows: usize, keep: Keep) -> Box<dyn Sliding> {
        let windows = (0..windows).map(|_| Queue::default()).collect();
        Box::new(TextExtremes { values: Texts { chunks: Chunks::new(ty), keep }, windows })
    }
}

impl Texts {
    fn bytes_at(&self, position: usize) -> &[u8] {
        let (chunk, index) = self.chunks.locate(position);
        let array = self.chunks.array(chunk);
        match array.as_string_opt::<i32>() {
            Some(texts) => texts.value(index).as_bytes(),
            None => array.as_binary::<i32>().value(index),
        }
    }
}

impl Monoid for Texts {
    type State = usize;

    #[inline]
    fn lift(&self, position: usize) -> usize {
        position
    }

    #[inline]
    fn merge(&self, earlier: usize, later: usize) -> usize {
        self.keep.of(earlier, later, |one, other| self.bytes_at(*one) < self.bytes_at(*other))
    }
}

impl Sliding for TextExtremes {
    fn append(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        self.values.chunks.append(values)
    }

    fn slide(
        &mut self,
        window: usize,
        ranges: Ranges<'_>,
        _outputs: &[usize],
    ) -> Result<Vec<ArrayRef>, AggregateError> {
        let mut positions = Vec::with_capacity(ranges.len());
        self.windows[window].slide(&self.values, ranges, |position, _| positions.push(position));
        Ok(vec![self.values.chunks.take(positions.into_iter())?])
    }

    fn release(&mut self, before: usize) {
        self.values.chunks.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.chunks.bytes() + self.windows.iter().map(Queue::bytes).sum::<usize>()
    }
}
