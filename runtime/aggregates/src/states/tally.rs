//! How often each value occurs.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use arrow::datatypes::DataType;

use super::bags::{Bag, Leave, Store};
use super::keys::{self, Key};
use crate::bytes::{Reader, write_count};
use crate::error::AggregateError;

/// The different values, each with the number of its places.
#[derive(Clone, Debug)]
pub(crate) struct Tally<K> {
    counts: HashMap<K, u64>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Tally { counts: HashMap::new() }
    }
}

impl<K: Key> Tally<K> {
    /// How many different values there are.
    pub(crate) fn len(&self) -> usize {
        self.counts.len()
    }

    /// Adds to the count of a value, and returns what it was and is.
    pub(crate) fn increase(&mut self, key: &K, by: u64) -> (u64, u64) {
        let count = self.counts.entry(key.clone()).or_default();
        let before = *count;
        *count = count.saturating_add(by);
        (before, *count)
    }

    /// Takes one from the count of a value, and returns what it was and is.
    pub(crate) fn decrease(&mut self, key: &K) -> (u64, u64) {
        let Entry::Occupied(mut entry) = self.counts.entry(key.clone()) else { return (0, 0) };
        let before = *entry.get();
        if before > 1 {
            *entry.get_mut() -= 1;
        } else {
            entry.remove();
        }
        (before, before.saturating_sub(1))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, u64)> {
        self.counts.iter().map(|(key, count)| (key, *count))
    }

    /// Reads what was written.
    pub(crate) fn entries(ty: &DataType, reader: &mut Reader<'_>) -> Result<Vec<(K, u64)>, AggregateError> {
        let length = reader.items()?;
        let mut found = Vec::new();
        let mut counts = Vec::new();
        for _ in 0..length {
            found.push(K::read(reader)?);
            counts.push(reader.count()?);
        }
        let ascending = found.is_sorted_by(|one, next| one < next);
        if !ascending || counts.contains(&0) || !keys::are_of_type(&found, ty) {
            return Err(reader.error("a value is not of the argument's type"));
        }
        Ok(found.into_iter().zip(counts).collect())
    }
}

impl<K: Key> Bag for Tally<K> {
    type Item = K;

    fn add(&mut self, item: &K) {
        self.increase(item, 1);
    }

    fn bytes(&self) -> usize {
        let keys: usize = self.counts.keys().map(Key::bytes).sum();
        keys + self.counts.capacity() * size_of::<(K, u64)>()
    }
}

impl<K: Key> Leave for Tally<K> {
    fn remove(&mut self, item: &K) {
        self.decrease(item);
    }
}

impl<K: Key> Store for Tally<K> {
    fn merge(&mut self, other: &Self) {
        for (key, count) in other.iter() {
            self.increase(key, count);
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut entries: Vec<(&K, u64)> = self.iter().collect();
        entries.sort_unstable();
        write_count(out, entries.len() as u64);
        for (key, count) in entries {
            key.write(out);
            write_count(out, count);
        }
    }

    fn read(&mut self, ty: &DataType, reader: &mut Reader<'_>) -> Result<(), AggregateError> {
        self.counts = Tally::entries(ty, reader)?.into_iter().collect();
        Ok(())
    }
}
