//! The most frequent texts.

use hashbrown::HashTable;

use super::texts::DifferentTexts;
use crate::bytes::{Reader, write_count};
use crate::error::AggregateError;
use crate::states::hyperloglog::hash_text;

/// How many texts are counted.
const COUNTERS: usize = 256;

/// Texts of more bytes are not counted, so that the sketch stays small.
const LONGEST: usize = 256;

/// The summary of Misra and Gries ("Finding repeated elements", 1982) with 256 counters, merged as Agarwal, Cormode, Huang,
/// Phillips, Wei and Yi do ("Mergeable summaries", 2012, section 2): where more texts than counters come together, the
/// 257th largest count is taken from all, and what is left of the largest stays. A batch is merged as a summary of its own,
/// which is exact.
///
/// Of `n` rows a counter misses at most `n / 257`, however they were split and merged; [`Frequent::error`] is how much they
/// miss at most in fact, which is 0 as long as there are no more than 256 different texts. A text without a counter has no
/// more rows than that. Texts of more than 256 bytes are left out.
#[derive(Clone, Debug, Default)]
pub struct Frequent {
    counters: HashTable<Counter>,
    error: u64,
}

/// A text that is counted.
#[derive(Clone, Debug)]
struct Counter {
    hash: u64,
    text: Box<str>,
    count: u64,
}

/// A frequent text, with bounds of the number of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frequency<'a> {
    /// The text.
    pub text: &'a str,
    /// It has at least so many rows.
    pub least: u64,
    /// It has at most so many rows.
    pub most: u64,
}

impl Counter {
    fn frequency(&self, error: u64) -> Frequency<'_> {
        Frequency { text: &self.text, least: self.count, most: self.count.saturating_add(error) }
    }
}

impl Frequent {
    /// Takes the texts of a batch.
    pub fn add(&mut self, texts: &DifferentTexts<'_>) {
        self.take(texts.hashed().filter(|(_, text, _)| text.len() <= LONGEST));
    }

    /// Takes all that another sketch has taken.
    pub fn merge(&mut self, other: &Self) {
        self.error = self.error.saturating_add(other.error);
        self.take(other.counters.iter().map(|counter| (counter.hash, &*counter.text, counter.count)));
    }

    /// By how much the number of a text's rows may be greater than it was counted.
    pub fn error(&self) -> u64 {
        self.error
    }

    /// The texts that are counted, the most frequent first; of those as frequent the lesser.
    pub fn texts(&self) -> Vec<Frequency<'_>> {
        let counters = self.counters.iter();
        let mut texts: Vec<Frequency<'_>> = counters.map(|counter| counter.frequency(self.error)).collect();
        texts.sort_unstable_by(|one, other| other.least.cmp(&one.least).then_with(|| one.text.cmp(other.text)));
        texts
    }

    /// Appends the byte form: the error, the number of counters, and for each, in the order of the texts, the text's length,
    /// its bytes and its count.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut texts = self.texts();
        texts.sort_unstable_by_key(|frequency| frequency.text);
        write_count(out, self.error);
        write_count(out, texts.len() as u64);
        for Frequency { text, least, .. } in texts {
            write_count(out, text.len() as u64);
            out.extend_from_slice(text.as_bytes());
            write_count(out, least);
        }
    }

    /// The sketch that was written.
    ///
    /// # Errors
    /// [`AggregateError::State`] if the bytes are truncated or corrupted.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, AggregateError> {
        let (error, length) = (reader.count()?, reader.items()?);
        let mut counters = HashTable::new();
        let mut last: Option<&str> = None;
        for _ in 0..length {
            let size = reader.items()?;
            let text = std::str::from_utf8(reader.take(size)?).ok().filter(|text| last.is_none_or(|last| last < *text));
            let (Some(text), count) = (text, reader.count()?) else {
                return Err(reader.error("a text is corrupted"));
            };
            if count == 0 || counters.len() == COUNTERS {
                return Err(reader.error("a count is corrupted"));
            }
            let hash = hash_text(text.as_bytes());
            counters.insert_unique(hash, Counter { hash, text: text.into(), count }, |counter| counter.hash);
            last = Some(text);
        }
        Ok(Frequent { counters, error })
    }

    /// Takes counted texts, each of which comes once.
    fn take<'a>(&mut self, texts: impl Iterator<Item = (u64, &'a str, u64)>) {
        let mut new: Vec<(u64, &str, u64)> = Vec::new();
        for (hash, text, count) in texts {
            match self.counters.find_mut(hash, |counter| counter.hash == hash && *counter.text == *text) {
                Some(counter) => counter.count = counter.count.saturating_add(count),
                None => new.push((hash, text, count)),
            }
        }
        let cut = self.cut(&new);
        if cut > 0 {
            self.error = self.error.saturating_add(cut);
            self.counters.retain(|counter| counter.count > cut);
            self.counters.iter_mut().for_each(|counter| counter.count -= cut);
        }
        for (hash, text, count) in new.into_iter().filter(|(.., count)| *count > cut) {
            let counter = Counter { hash, text: text.into(), count: count - cut };
            self.counters.insert_unique(hash, counter, |counter| counter.hash);
        }
    }

    /// What has to be taken from every count so that the rest fits: the count that is next after the largest ones.
    fn cut(&self, new: &[(u64, &str, u64)]) -> u64 {
        if self.counters.len() + new.len() <= COUNTERS {
            return 0;
        }
        let new = new.iter().map(|(.., count)| *count);
        let mut counts: Vec<u64> = self.counters.iter().map(|counter| counter.count).chain(new).collect();
        *counts.select_nth_unstable_by(COUNTERS, |one, other| other.cmp(one)).1
    }
}
