//! Some neighbouring rows of an entity, what they come to, and how much of them is stored.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use mlsys_aggregates::Summary;

use crate::error::OnlineError;
use crate::layout::Layout;
use crate::rows::Rows;

/// A block in as few parts stays as it is.
const FEW: u32 = 8;

/// Neighbouring rows.
pub(super) struct Block {
    /// Its number among the blocks of the entity: they are in order.
    pub(super) number: u32,
    pub(super) rows: Rows,
    /// What the rows come to, one for each call, where it has been asked for.
    summaries: Mutex<Vec<Option<Box<dyn Summary>>>>,
    /// How many parts of it are stored.
    pub(super) parts: u32,
    /// How many rows these have, from the first one on.
    pub(super) stored: usize,
    /// Whether these are not the first rows any more, so that all of it is stored anew.
    pub(super) is_changed: bool,
}

impl Block {
    pub(super) fn new(number: u32, rows: Rows) -> Self {
        Block { number, rows, summaries: Mutex::default(), parts: 0, stored: 0, is_changed: false }
    }

    /// Puts a row of others before one of these.
    pub(super) fn insert(&mut self, at: usize, rows: &Rows, index: usize) {
        self.rows.insert(at, rows, index..index + 1);
        self.touch(at);
    }

    /// Puts a row of others in the place of one of these.
    pub(super) fn replace(&mut self, at: usize, rows: &Rows, index: usize) {
        self.rows.remove(at..at + 1);
        self.insert(at, rows, index);
    }

    pub(super) fn remove(&mut self, range: Range<usize>) {
        self.touch(range.start);
        self.rows.remove(range);
        self.stored = self.stored.min(self.rows.len());
    }

    pub(super) fn split_off(&mut self, layout: &Layout, at: usize) -> Rows {
        self.touch(at);
        self.stored = self.stored.min(at);
        self.rows.split_off(layout, at)
    }

    /// The block gets another number, under which nothing of it is stored.
    pub(super) fn renumber(&mut self, number: u32) {
        self.number = number;
        (self.parts, self.stored, self.is_changed) = (0, 0, false);
    }

    /// No more rows come behind these: one part is read faster than many, and a few are not worth writing it anew.
    pub(super) fn close(&mut self) {
        self.is_changed |= self.parts > FEW;
    }

    /// Whether what is stored of it is not what it holds.
    pub(super) fn is_unstored(&self) -> bool {
        self.is_changed || self.stored < self.rows.len()
    }

    /// Works with what all rows come to for a call.
    pub(super) fn with_summary<T>(
        &self,
        layout: &Layout,
        call: usize,
        make: impl FnOnce(&Block) -> Result<Box<dyn Summary>, OnlineError>,
        work: impl FnOnce(&dyn Summary) -> Result<T, OnlineError>,
    ) -> Result<T, OnlineError> {
        let mut summaries = self.summaries.lock().unwrap_or_else(PoisonError::into_inner);
        if summaries.is_empty() {
            summaries.resize_with(layout.calls.len(), || None);
        }
        let summary = match summaries[call].take() {
            Some(summary) => summary,
            None => make(self)?,
        };
        let result = work(summary.as_ref());
        summaries[call] = Some(summary);
        result
    }

    /// Whether it is worth while to keep what its rows come to.
    pub(super) fn is_large(&self, layout: &Layout) -> bool {
        self.rows.len() >= layout.block / 4
    }

    /// The rows from one on are not what they were.
    fn touch(&mut self, from: usize) {
        self.summaries.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
        self.is_changed |= from < self.stored;
    }
}
