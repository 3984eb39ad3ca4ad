//! Windows whose values enter and leave one by one, and summaries that only gather them.

use std::any::Any;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use crate::bytes::Reader;
use crate::error::AggregateError;
use crate::kernel::Sliding;
use crate::ranges::Ranges;
use crate::retained::Retained;
use crate::summary::State;

/// A collection of values that does not depend on their order.
pub(crate) trait Bag: Clone + Default + Send + 'static {
    /// What is kept of a value.
    type Item: Clone + Send + 'static;

    /// Takes a value.
    fn add(&mut self, item: &Self::Item);

    /// Bytes that are held, about.
    fn bytes(&self) -> usize;
}

/// A bag that values leave again, exactly.
pub(crate) trait Leave: Bag {
    /// Gives up a value that was added.
    fn remove(&mut self, item: &Self::Item);
}

/// A bag that is merged and stored.
pub(crate) trait Store: Bag {
    /// Takes all values of another bag.
    fn merge(&mut self, other: &Self);

    /// Appends the byte form.
    fn write(&self, out: &mut Vec<u8>);

    /// Takes what was written, into an empty bag.
    fn read(&mut self, ty: &DataType, reader: &mut Reader<'_>) -> Result<(), AggregateError>;
}

/// What is asked of a bag.
pub(crate) trait Outcome<B>: Clone + Send + 'static {
    /// One answer.
    type Value;

    /// The answer for a bag as it is now.
    fn value(&self, bag: &B) -> Self::Value;

    /// The answers as a column; the bags' values are of the given type.
    fn column(&self, ty: &DataType, values: Vec<Self::Value>) -> Result<ArrayRef, AggregateError>;
}

/// Turns present values into items.
pub(crate) type Convert<I> = fn(&ArrayRef) -> Result<Vec<I>, AggregateError>;

/// Items of a column of one type.
#[derive(Clone)]
struct Items<I> {
    ty: DataType,
    convert: Convert<I>,
}

impl<I> Items<I> {
    fn of(&self, values: &ArrayRef) -> Result<Vec<I>, AggregateError> {
        if values.data_type() != &self.ty {
            return Err(AggregateError::unexpected(&self.ty.to_string(), values.data_type()));
        }
        (self.convert)(values)
    }
}

/// Bags that slide over a column.
pub(crate) struct Bags<B: Bag, O> {
    items: Items<B::Item>,
    values: Retained<B::Item>,
    windows: Vec<Window<B>>,
    outcomes: Vec<O>,
}

/// The values at `low..high`.
struct Window<B> {
    low: usize,
    high: usize,
    bag: B,
}

/// Bags over a column of a type, in so many windows.
pub(crate) fn sliding<B: Leave, O: Outcome<B>>(
    ty: &DataType,
    convert: Convert<B::Item>,
    windows: usize,
    outcome: O,
) -> Box<dyn Sliding> {
    Box::new(Bags {
        items: Items { ty: ty.clone(), convert },
        values: Retained::default(),
        windows: (0..windows).map(|_| Window { low: 0, high: 0, bag: B::default() }).collect(),
        outcomes: vec![outcome],
    })
}

impl<B: Leave> Window<B> {
    /// Lets values before a position leave.
    fn leave(&mut self, values: &Retained<B::Item>, low: usize) {
        for position in self.low..low.min(self.high) {
            self.bag.remove(&values[position]);
        }
        self.low = self.low.max(low);
        self.high = self.high.max(low);
    }

    /// Lets values up to a position enter.
    fn enter(&mut self, values: &Retained<B::Item>, high: usize) {
        for position in self.high..high {
            self.bag.add(&values[position]);
        }
        self.high = self.high.max(high);
    }
}

impl<B: Leave, O: Outcome<B>> Sliding for Bags<B, O> {
    fn append(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        self.values.extend(self.items.of(values)?);
        Ok(())
    }

    fn slide(&mut self, window: usize, ranges: Ranges<'_>, outputs: &[usize]) -> Result<Vec<ArrayRef>, AggregateError> {
        let window = &mut self.windows[window];
        let mut results: Vec<Vec<O::Value>> = outputs.iter().map(|_| Vec::with_capacity(ranges.len())).collect();
        for (low, high) in ranges.iter() {
            window.leave(&self.values, low);
            window.enter(&self.values, high);
            for (values, output) in results.iter_mut().zip(outputs) {
                values.push(self.outcomes[*output].value(&window.bag));
            }
        }
        let columns = results.into_iter().zip(outputs);
        columns.map(|(values, output)| self.outcomes[*output].column(&self.items.ty, values)).collect()
    }

    fn share(&mut self, other: &dyn Any) -> Option<usize> {
        let other = other.downcast_ref::<Self>()?;
        self.outcomes.extend_from_slice(&other.outcomes);
        Some(self.outcomes.len() - 1)
    }

    fn release(&mut self, before: usize) {
        // A window that has not moved for a while still holds values that are about to be forgotten.
        self.windows.iter_mut().for_each(|window| window.leave(&self.values, before));
        self.values.release(before);
    }

    fn bytes(&self) -> usize {
        self.values.bytes() + self.windows.iter().map(|window| window.bag.bytes()).sum::<usize>()
    }
}

/// One bag and one question.
#[derive(Clone)]
pub(crate) struct Gathered<B: Bag, O> {
    items: Items<B::Item>,
    bag: B,
    outcome: O,
}

impl<B: Store, O: Outcome<B>> Gathered<B, O> {
    /// An empty bag for values of a type.
    pub(crate) fn new(ty: &DataType, convert: Convert<B::Item>, outcome: O) -> Self {
        Gathered { items: Items { ty: ty.clone(), convert }, bag: B::default(), outcome }
    }
}

impl<B: Store, O: Outcome<B>> State for Gathered<B, O> {
    fn update(&mut self, values: &ArrayRef, _times: &[i64]) -> Result<(), AggregateError> {
        self.items.of(values)?.iter().for_each(|item| self.bag.add(item));
        Ok(())
    }

    fn merge(&mut self, later: &Self) -> Result<(), AggregateError> {
        self.bag.merge(&later.bag);
        Ok(())
    }

    fn finish(&self, _window: Option<i64>) -> Result<ArrayRef, AggregateError> {
        self.outcome.column(&self.items.ty, vec![self.outcome.value(&self.bag)])
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.bag.write(out);
    }

    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        self.bag.read(&self.items.ty, reader)
    }

    fn bytes(&self) -> usize {
        self.bag.bytes()
    }
}
