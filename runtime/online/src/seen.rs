//! Keys of rows that were seen, with what is remembered of each: many at a time, and no allocation for any of them.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

/// Keys that were seen since the last commit. One that is put again replaces what was remembered of it.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    hasher: RandomState,
    /// The numbers of the entries that count, by key.
    table: HashTable<usize>,
    entries: Vec<Entry>,
    bytes: Vec<u8>,
}

/// Where a key and what is remembered of it begin and end.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: usize,
    value: usize,
    end: usize,
    until: i64,
    /// Whether the key was put again.
    is_replaced: bool,
}

impl Seen {
    /// Remembers a key until an instant, in microseconds since 1970, with what `write` appends.
    pub fn put(&mut self, key: &[u8], until: i64, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let value = self.bytes.len();
        write(&mut self.bytes);
        let number = self.entries.len();
        self.entries.push(Entry { key: begin, value, end: self.bytes.len(), until, is_replaced: false });
        let Seen { hasher, table, entries, bytes } = self;
        let key_of = |number: &usize| &bytes[entries[*number].key..entries[*number].value];
        let hash = hasher.hash_one(&bytes[begin..value]);
        match table.find_mut(hash, |one| key_of(one) == &bytes[begin..value]) {
            Some(found) => {
                let before = std::mem::replace(found, number);
                entries[before].is_replaced = true;
            }
            None => drop(table.insert_unique(hash, number, |one| hasher.hash_one(key_of(one)))),
        }
    }

    /// What is remembered of a key.
    pub fn get(&self, key: &[u8]) -> Option<&[u8]> {
        let key_of = |number: &usize| &self.bytes[self.entries[*number].key..self.entries[*number].value];
        let found = self.table.find(self.hasher.hash_one(key), |one| key_of(one) == key)?;
        let Entry { value, end, .. } = self.entries[*found];
        Some(&self.bytes[value..end])
    }

    /// The keys with what is remembered of each, and until when.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], i64)> {
        let current = self.entries.iter().filter(|entry| !entry.is_replaced);
        current.map(|one| (&self.bytes[one.key..one.value], &self.bytes[one.value..one.end], one.until))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

impl<'a> FromIterator<(&'a [u8], &'a [u8], i64)> for Seen {
    fn from_iter<I: IntoIterator<Item = (&'a [u8], &'a [u8], i64)>>(all: I) -> Self {
        let mut seen = Seen::default();
        for (key, value, until) in all {
            seen.put(key, until, |out| out.extend_from_slice(value));
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn the_last_that_was_put_counts() {
        let mut seen = Seen::default();
        for number in 0..1_000_u32 {
            seen.put(&(number % 700).to_be_bytes(), i64::from(number), |out| out.extend(number.to_le_bytes()));
        }
        assert_eq!((seen.len(), seen.iter().count()), (700, 700));
        assert_eq!(seen.get(&5_u32.to_be_bytes()), Some(&705_u32.to_le_bytes()[..]));
        assert_eq!(seen.get(&650_u32.to_be_bytes()), Some(&650_u32.to_le_bytes()[..]));
        assert_eq!(seen.get(b"nobody"), None);
        assert!(seen.iter().all(|(key, value, until)| {
            let (key, value) =
                (u32::from_be_bytes(key.try_into().unwrap()), u32::from_le_bytes(value.try_into().unwrap()));
            key == value % 700 && i64::from(value) == until
        }));
        let again: Seen = seen.iter().collect();
        assert_eq!(again.len(), 700);
    }
}
