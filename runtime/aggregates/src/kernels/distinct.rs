//! The different values of a window: how often each is in it, counted as values enter and leave.

use std::collections::HashMap;
use std::hash::Hash;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};

use crate::chunks::Chunks;
use crate::kernel::{AggregateError, Sliding};
use crate::ranges::Ranges;
use crate::retained::Retained;

/// Turns the number of different values of each range into a column.
pub(super) type Finish = fn(&[usize]) -> ArrayRef;

/// The different values of each range of a column of that type, which is text, bytes, or a number of some kind.
pub(super) fn sliding(ty: &DataType, windows: usize, finish: Finish) -> Box<dyn Sliding> {
    match ty {
        DataType::Utf8 | DataType::Binary => Distinct::boxed(Texts(Chunks::new(ty)), windows, finish),
        _ => Distinct::boxed(Numbers(Retained::default()), windows, finish),
    }
}

/// Values by position, as keys that are equal where the values are.
trait Keys: Send + 'static {
    type Key: Eq + Hash + Send;

    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError>;
    fn key(&self, position: usize) -> Self::Key;
    fn release(&mut self, before: usize);
    fn bytes(&self) -> usize;
}

struct Distinct<K: Keys> {
    keys: K,
    windows: Vec<Window<K::Key>>,
    finish: Finish,
}

/// The values at `low..high`, each with the number of its places.
struct Window<K> {
    low: usize,
    high: usize,
    counts: HashMap<K, usize>,
}

impl<K: Keys> Distinct<K> {
    fn boxed(keys: K, windows: usize, finish: Finish) -> Box<dyn Sliding> {
        let windows = (0..windows).map(|_| Window { low: 0, high: 0, counts: HashMap::new() }).collect();
        Box::new(Distinct { keys, windows, finish })
    }
}

impl<K: Eq + Hash + Send> Window<K> {
    /// Lets values before a position leave.
    fn leave(&mut self, keys: &impl Keys<Key = K>, low: usize) {
        if low >= self.high {
            self.counts.clear();
            (self.low, self.high) = (low, low);
        }
        for position in self.low..low {
            let key = keys.key(position);
            match self.counts.get_mut(&key) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.counts.remove(&key)),
            }
        }
        self.low = self.low.max(low);
    }

    /// Lets values up to a position enter.
    fn enter(&mut self, keys: &impl Keys<Key = K>, high: usize) {
        for position in self.high..high {
            *self.counts.entry(keys.key(position)).or_default() += 1;
        }
        self.high = self.high.max(high);
    }
}

impl<K: Keys> Sliding for Distinct<K> {
    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        self.keys.append(values)
    }

    fn slide(&mut self, window: usize, ranges: Ranges<'_>) -> Result<ArrayRef, AggregateError> {
        let window = &mut self.windows[window];
        let counts = ranges.iter().map(|(low, high)| {
            window.leave(&self.keys, low);
            window.enter(&self.keys, high);
            window.counts.len()
        });
        Ok((self.finish)(&counts.collect::<Vec<_>>()))
    }

    fn release(&mut self, before: usize) {
        // A window that has not moved for a while still holds values that are about to be forgotten.
        self.windows.iter_mut().for_each(|window| window.leave(&self.keys, before.max(window.low)));
        self.keys.release(before);
    }

    fn bytes(&self) -> usize {
        let entries: usize = self.windows.iter().map(|window| window.counts.capacity()).sum();
        self.keys.bytes() + entries * size_of::<(K::Key, usize)>()
    }
}

/// Numbers, times and truth values as 64 bits.
struct Numbers(Retained<i64>);

impl Keys for Numbers {
    type Key = i64;

    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        match values.data_type() {
            DataType::Float64 => {
                self.0.extend(values.as_primitive::<Float64Type>().values().iter().map(|value| bits(*value)));
            }
            DataType::Float32 => {
                self.0.extend(values.as_primitive::<Float32Type>().values().iter().map(|value| bits((*value).into())));
            }
            _ => {
                let numbers = cast(values, &DataType::Int64)?;
                self.0.extend_from_slice(numbers.as_primitive::<Int64Type>().values());
            }
        }
        Ok(())
    }

    fn key(&self, position: usize) -> i64 {
        self.0[position]
    }

    fn release(&mut self, before: usize) {
        self.0.release(before);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// The bits of a float, the same ones for all NaN and for both zeros.
fn bits(value: f64) -> i64 {
    let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
    i64::from_ne_bytes(value.to_ne_bytes())
}

/// Text and bytes, kept in the arrays they came in.
struct Texts(Chunks);

impl Keys for Texts {
    type Key = Box<[u8]>;

    fn append(&mut self, values: &ArrayRef) -> Result<(), AggregateError> {
        self.0.append(values)
    }

    fn key(&self, position: usize) -> Box<[u8]> {
        let (chunk, index) = self.0.locate(position);
        let array = self.0.array(chunk);
        match array.data_type() {
            DataType::Utf8 => array.as_string::<i32>().value(index).as_bytes().into(),
            _ => array.as_binary::<i32>().value(index).into(),
        }
    }

    fn release(&mut self, before: usize) {
        self.0.release(before);
    }

    fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
