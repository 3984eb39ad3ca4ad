//! The values of a window ordered by how often they occur, for `mode` and `top_k`.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::bags::{self, Bag, Gathered, Leave, Outcome, Store};
use super::keys::{self, Key, Text};
use super::lists;
use super::tally::Tally;
use crate::bytes::Reader;
use crate::error::AggregateError;
use crate::input::Input;
use crate::kernel::{Kernel, Sliding};
use crate::summary::{self, Summary};

/// How often each value occurs, the most frequent first; of those that are as frequent, the smaller first.
#[derive(Clone, Debug)]
pub(crate) struct Ranked<K> {
    tally: Tally<K>,
    order: BTreeSet<(Reverse<u64>, K)>,
}

impl<K> Default for Ranked<K> {
    fn default() -> Self {
        Ranked { tally: Tally::default(), order: BTreeSet::new() }
    }
}

impl<K: Key> Ranked<K> {
    /// Moves a value from one count to another.
    fn place(&mut self, key: &K, (before, now): (u64, u64)) {
        if before > 0 {
            self.order.remove(&(Reverse(before), key.clone()));
        }
        if now > 0 {
            self.order.insert((Reverse(now), key.clone()));
        }
    }

    fn increase(&mut self, key: &K, by: u64) {
        let counts = self.tally.increase(key, by);
        self.place(key, counts);
    }
}

impl<K: Key> Bag for Ranked<K> {
    type Item = K;

    fn add(&mut self, item: &K) {
        self.increase(item, 1);
    }

    fn bytes(&self) -> usize {
        self.tally.bytes() + self.order.len() * size_of::<(u64, K)>()
    }
}

impl<K: Key> Leave for Ranked<K> {
    fn remove(&mut self, item: &K) {
        let counts = self.tally.decrease(item);
        self.place(item, counts);
    }
}

impl<K: Key> Store for Ranked<K> {
    fn merge(&mut self, other: &Self) {
        for (key, count) in other.tally.iter() {
            self.increase(key, count);
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        self.tally.write(out);
    }

    fn read(&mut self, ty: &DataType, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        for (key, count) in Tally::entries(ty, reader)? {
            self.increase(&key, count);
        }
        Ok(())
    }
}

/// Which of the ranked values are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Top {
    /// The first one.
    One,
    /// A list of so many.
    Most(usize),
}

impl<K: Key> Outcome<Ranked<K>> for Top {
    type Value = Vec<K>;

    fn value(&self, bag: &Ranked<K>) -> Vec<K> {
        let most = match self {
            Top::One => 1,
            Top::Most(most) => *most,
        };
        bag.order.iter().take(most).map(|(_, key)| key.clone()).collect()
    }

    fn column(&self, ty: &DataType, values: Vec<Vec<K>>) -> Result<ArrayRef, AggregateError> {
        let lengths: Vec<usize> = values.iter().map(Vec::len).collect();
        let items = K::column(values.into_iter().flatten(), ty)?;
        match self {
            Top::Most(_) => lists::column(&lengths, items),
            Top::One => lists::singles(&lengths, &items),
        }
    }
}

/// The ranked values of a column of a type that has an order.
pub(crate) fn sliding(ty: &DataType, windows: usize, top: Top) -> Box<dyn Sliding> {
    if keys::is_text(ty) {
        bags::sliding::<Ranked<Text>, Top>(ty, Key::of, windows, top)
    } else {
        bags::sliding::<Ranked<i64>, Top>(ty, Key::of, windows, top)
    }
}

/// The summary of ranked values of a type that has an order.
pub(crate) fn summary(kernel: &dyn Kernel, input: &Input<'_>, ty: &DataType, top: Top) -> Box<dyn Summary> {
    if keys::is_text(ty) {
        summary::boxed(kernel, input, Gathered::<Ranked<Text>, Top>::new(ty, Key::of, top))
    } else {
        summary::boxed(kernel, input, Gathered::<Ranked<i64>, Top>::new(ty, Key::of, top))
    }
}
