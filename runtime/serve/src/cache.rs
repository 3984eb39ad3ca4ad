//! Answers that may be given again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use mlsys_rows::RowWriter;

use crate::answer::{Answer, Part};
use crate::current::Current;

/// The longest request that is remembered, in bytes of its rows as JSON.
const LONGEST: usize = 4096;

/// Answers by the content of their requests, for a time. It holds two generations: when the younger one is full, it
/// becomes the older one, whose entries come back to the younger one when they are asked for. What is seldom asked for is
/// forgotten, and nothing has to be kept in order.
pub(crate) struct Cache {
    lifetime: Duration,
    /// How many answers a generation holds.
    most: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Vec<u8>, Entry>,
    old: HashMap<Vec<u8>, Entry>,
}

#[derive(Clone)]
struct Entry {
    current: Arc<Current>,
    parts: Arc<[Part]>,
    until: Instant,
}

impl Cache {
    pub(crate) fn new(lifetime: Duration, most: usize) -> Self {
        Cache { lifetime, most: (most / 2).max(1), generations: Mutex::default() }
    }

    /// What stands for a request; none if it is too long to be remembered.
    pub(crate) fn key(rows: &RecordBatch) -> Option<Vec<u8>> {
        let writer = RowWriter::new(rows).ok()?;
        let mut key = Vec::new();
        for row in 0..rows.num_rows() {
            writer.write(row, &mut key);
            if key.len() > LONGEST {
                return None;
            }
        }
        Some(key)
    }

    /// The answer that the present version gave, if it is not too old.
    pub(crate) fn get(&self, key: &[u8], current: &Arc<Current>) -> Option<Answer> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entry = generations.young.get(key).cloned();
        if entry.is_none() {
            entry = generations.old.remove(key);
            if let Some(entry) = &entry {
                self.put(&mut generations, key.to_vec(), entry.clone());
            }
        }
        let entry = entry.filter(|entry| Arc::ptr_eq(&entry.current, current) && entry.until > Instant::now())?;
        Some(Answer { current: entry.current, parts: entry.parts })
    }

    /// Remembers an answer.
    pub(crate) fn insert(&self, key: Vec<u8>, answer: &Answer) {
        let (current, parts) = (Arc::clone(&answer.current), Arc::clone(&answer.parts));
        let entry = Entry { current, parts, until: Instant::now() + self.lifetime };
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(&mut generations, key, entry);
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        *self.generations.lock().unwrap_or_else(PoisonError::into_inner) = Generations::default();
    }

    fn put(&self, generations: &mut Generations, key: Vec<u8>, entry: Entry) {
        if generations.young.len() >= self.most {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, entry);
    }
}
