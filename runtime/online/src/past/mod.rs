//! The past of one entity: its rows in order, in blocks, and what rows that have left come to.
//!
//! A block holds at most 128 rows. Of a block that lies wholly in a window what its rows come to is computed once and kept
//! until the block changes, so that a window of `n` rows merges about `n / 128` summaries and reads the rows of two blocks,
//! wherever it begins and ends. Most entities have one block.

mod block;
mod bytes;
mod forget;
mod windows;

use std::cmp::Ordering;
use std::sync::{Mutex, PoisonError};

use mlsys_aggregates::Summary;

use self::block::Block;
use crate::error::OnlineError;
use crate::layout::Layout;
use crate::rows::Rows;

/// What became of a row that was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is among the rows.
    New,
    /// It has taken the place of a row of the same instant and order.
    Instead,
    /// It comes before rows that have been forgotten, and was left out.
    TooLate,
    /// A part of its entity's key is missing, and it was left out.
    Nobody,
}

/// The rows of an entity that some window may still see, in order.
pub struct Past {
    blocks: Vec<Block>,
    rows: usize,
    /// What rows that have left come to, one for each call that is asked for over all rows.
    base: Option<Base>,
    /// The place of the last row that has left.
    forgotten: Option<(i64, Vec<u8>)>,
    /// The number of the next block.
    next: u32,
    /// Blocks that have left, with how many parts of them are stored.
    left: Vec<(u32, u32)>,
    /// Whether what is stored beside the blocks is not what it should be.
    is_head_changed: bool,
}

/// A summary per call, where it is asked for over all rows. It is locked because kernels' summaries are not shared between
/// threads.
struct Base(Mutex<Vec<Option<Box<dyn Summary>>>>);

impl Default for Past {
    fn default() -> Self {
        Past::new()
    }
}

impl Past {
    /// No rows.
    pub fn new() -> Self {
        Past {
            blocks: Vec::new(),
            rows: 0,
            base: None,
            forgotten: None,
            next: 0,
            left: Vec::new(),
            is_head_changed: false,
        }
    }

    /// How many rows are held.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether nothing is held, as of an entity that has never been seen.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.forgotten.is_none()
    }

    /// The instant of the latest row that is held.
    pub fn latest(&self) -> Option<i64> {
        self.blocks.last().and_then(|block| block.rows.instants.last().copied())
    }

    /// Adds one of some rows where it belongs: behind those of the same instant and order, or in the place of such a row
    /// if the layout says that these identify a row.
    pub fn add(&mut self, layout: &Layout, rows: &Rows, index: usize) -> Added {
        let place = rows.place(index);
        if self.forgotten.as_ref().is_some_and(|(at, order)| place <= (*at, order.as_slice())) {
            return Added::TooLate;
        }
        // Behind rows of the same place, or at the one that it replaces.
        let is_before =
            |order: Ordering| if layout.is_keyed { order == Ordering::Less } else { order != Ordering::Greater };
        let block = self.block_of(place, is_before);
        let is_last = block + 1 == self.blocks.len();
        let Some(found) = self.blocks.get_mut(block) else {
            self.push_block(layout, rows, index);
            return Added::New;
        };
        let at = found.rows.rank(place, is_before);
        if layout.is_keyed && at < found.rows.len() && found.rows.place(at) == place {
            found.replace(at, rows, index);
            return Added::Instead;
        }
        if is_last && at == found.rows.len() && at >= layout.block {
            found.close();
            self.push_block(layout, rows, index);
            return Added::New;
        }
        found.insert(at, rows, index);
        self.rows += 1;
        if self.blocks[block].rows.len() > layout.block {
            self.split(layout, block);
        }
        Added::New
    }

    /// Takes out a row by its instant and what orders it, as the same row has them in `rows`; false if it is not held.
    /// A later version of a row at another instant or of another entity replaces it so: the old one leaves, the new one
    /// is added.
    pub fn remove(&mut self, rows: &Rows, index: usize) -> bool {
        let place = rows.place(index);
        let block = self.block_of(place, |order| order == Ordering::Less);
        let Some(found) = self.blocks.get_mut(block) else { return false };
        let at = found.rows.rank(place, |order| order == Ordering::Less);
        if at >= found.rows.len() || found.rows.place(at) != place {
            return false;
        }
        found.remove(at..at + 1);
        self.rows -= 1;
        if found.rows.is_empty() {
            let gone = self.blocks.remove(block);
            self.left.push((gone.number, gone.parts));
        }
        true
    }

    /// Bytes that are held, about; what blocks come to aside.
    pub fn memory(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| size_of::<Block>() + block.rows.memory()).sum();
        size_of::<Self>() + blocks
    }

    /// The block where a place is, or where a row of it would be: the first one whose last row is not before it.
    fn block_of(&self, place: (i64, &[u8]), is_before: impl Fn(Ordering) -> bool) -> usize {
        let Some(last) = self.blocks.len().checked_sub(1) else { return 0 };
        if self.blocks[last].rows.place(0) < place {
            return last;
        }
        let is_before = |block: &Block| is_before(block.rows.place(block.rows.len() - 1).cmp(&place));
        self.blocks.partition_point(is_before).min(last)
    }

    fn push_block(&mut self, layout: &Layout, rows: &Rows, index: usize) {
        let mut block = Block::new(self.next, Rows::empty(layout));
        block.insert(0, rows, index);
        self.next += 1;
        self.rows += 1;
        self.blocks.push(block);
    }

    /// Splits a block that has become too large. Blocks are stored in the order of their numbers, so those behind it get
    /// new ones; rows that are so late are rare, and late by little.
    fn split(&mut self, layout: &Layout, block: usize) {
        let half = self.blocks[block].rows.len() / 2;
        let rest = self.blocks[block].split_off(layout, half);
        self.blocks.insert(block + 1, Block::new(0, rest));
        for moved in &mut self.blocks[block + 1..] {
            if moved.parts > 0 {
                self.left.push((moved.number, moved.parts));
            }
            moved.renumber(self.next);
            self.next += 1;
        }
    }
}

impl Base {
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Vec<Option<Box<dyn Summary>>>) -> Result<T, OnlineError>,
    ) -> Result<T, OnlineError> {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
