//! The different texts of a batch: what is dear is done once for each of them, and not for each row.

use arrow::array::{Array, StringArray};
use arrow::datatypes::ArrowNativeType;
use hashbrown::HashTable;

use crate::states::hyperloglog::hash_text;

/// Room for so many different texts is made at once.
const FEW: usize = 1024;

/// The different texts of a batch, each with the number of its rows, in the order in which they first appear.
#[derive(Debug)]
pub struct DifferentTexts<'a> {
    texts: &'a StringArray,
    found: Vec<Found>,
}

/// A text.
#[derive(Clone, Copy, Debug)]
struct Found {
    hash: u64,
    /// The first row that has it.
    row: usize,
    count: u64,
}

impl<'a> DifferentTexts<'a> {
    /// The different texts of a column; missing ones are passed over.
    pub fn of(texts: &'a StringArray) -> Self {
        let mut found: Vec<Found> = Vec::with_capacity(FEW.min(texts.len()));
        let mut places: HashTable<usize> = HashTable::with_capacity(FEW.min(texts.len()));
        let (offsets, bytes) = (texts.value_offsets(), texts.value_data());
        let text_at = |row: usize| &bytes[offsets[row].as_usize()..offsets[row + 1].as_usize()];
        for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
            let text = text_at(row);
            let hash = hash_text(text);
            let same = |place: &usize| found[*place].hash == hash && text_at(found[*place].row) == text;
            match places.find(hash, same) {
                Some(place) => found[*place].count += 1,
                None => {
                    places.insert_unique(hash, found.len(), |place| found[*place].hash);
                    found.push(Found { hash, row, count: 1 });
                }
            }
        }
        DifferentTexts { texts, found }
    }

    /// Each text with its number of rows.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, u64)> {
        self.found.iter().map(|found| (self.texts.value(found.row), found.count))
    }

    /// The hashes of the texts.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.found.iter().map(|found| found.hash)
    }

    /// Each text with its hash and its number of rows.
    pub(super) fn hashed(&self) -> impl Iterator<Item = (u64, &'a str, u64)> {
        self.found.iter().map(|found| (found.hash, self.texts.value(found.row), found.count))
    }
}
