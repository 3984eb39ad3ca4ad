//! The byte form of a past: a head, and each block in one or more parts, so that what is stored grows with what changed.
//!
//! Every part begins with its version. A part of a block is some of its rows, behind those of the part before. The head is
//! the place of the last row that has left, if any has, and what such rows come to; where there is none, nothing has left.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use mlsys_aggregates::{AggregateError, Reader, write_count, write_signed};

use super::block::Block;
use super::{Base, Past};
use crate::error::OnlineError;
use crate::layout::Layout;
use crate::rows::Rows;
use crate::stores::{Part, Parts};

/// The version of the byte form that is written.
const VERSION: u8 = 1;

/// A block in more parts is written anew, so that few have to be read.
const PARTS: u32 = 32;

/// What errors call bytes that are read.
const WHAT: &str = "past";

/// What has changed since the last time.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) puts: Vec<(Part, Vec<u8>)>,
    pub(crate) deletes: Vec<Part>,
}

impl Past {
    /// What has to be stored for what changed since this was asked last, and counts as stored from then on.
    pub(crate) fn changes(&mut self, layout: &Layout) -> Changes {
        let mut changes = Changes::default();
        for (block, parts) in self.left.drain(..) {
            changes.deletes.extend((0..parts).map(|part| Part::Rows { block, part }));
        }
        self.blocks.iter_mut().filter(|block| block.is_unstored()).for_each(|block| block.store(layout, &mut changes));
        if self.is_head_changed {
            self.is_head_changed = false;
            match self.head(layout) {
                Some(bytes) => changes.puts.push((Part::Head, bytes)),
                None => changes.deletes.push(Part::Head),
            }
        }
        changes
    }

    /// The past that was stored in these parts.
    ///
    /// # Errors
    /// [`OnlineError::Aggregate`] or [`OnlineError::State`] if they are not a state of the layout.
    pub fn read(layout: &Layout, parts: &Parts) -> Result<Self, OnlineError> {
        let mut past = Past::new();
        let mut blocks: BTreeMap<u32, Vec<&[u8]>> = BTreeMap::new();
        for (part, bytes) in parts {
            match part {
                Part::Head => past.read_head(layout, bytes)?,
                Part::Rows { block, part } => {
                    let known = blocks.entry(*block).or_default();
                    if known.len() != *part as usize {
                        return Err(OnlineError::state("a part of a block is missing"));
                    }
                    known.push(bytes);
                }
            }
        }
        for (number, parts) in blocks {
            past.push(Block::read(layout, number, &parts)?)?;
        }
        Ok(past)
    }

    fn push(&mut self, block: Block) -> Result<(), OnlineError> {
        let place = block.rows.place(0);
        let forgotten = self.forgotten.as_ref().map(|(at, order)| (*at, order.as_slice()));
        let before = self.blocks.last().map(|last| last.rows.place(last.rows.len() - 1)).or(forgotten);
        if before.is_some_and(|before| before > place) {
            return Err(OnlineError::state("its blocks are not in order"));
        }
        self.next = block.number.checked_add(1).ok_or_else(|| OnlineError::state("a block has too large a number"))?;
        self.rows += block.rows.len();
        self.blocks.push(block);
        Ok(())
    }

    fn head(&self, layout: &Layout) -> Option<Vec<u8>> {
        let (at, order) = self.forgotten.as_ref()?;
        let mut out = vec![VERSION];
        write_signed(&mut out, *at);
        write_count(&mut out, order.len() as u64);
        out.extend(order);
        out.push(u8::from(self.base.is_some()));
        if let Some(base) = &self.base {
            let base = base.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (summary, call) in base.iter().zip(&layout.calls).filter(|(_, call)| layout.is_over_all(call)) {
                let mut bytes = Vec::new();
                match (summary, layout.summary(call)) {
                    (Some(summary), _) => summary.write(&mut bytes),
                    (None, Ok(empty)) => empty.write(&mut bytes),
                    (None, Err(_)) => {}
                }
                write_count(&mut out, bytes.len() as u64);
                out.extend(bytes);
            }
        }
        Some(out)
    }

    fn read_head(&mut self, layout: &Layout, bytes: &[u8]) -> Result<(), OnlineError> {
        let mut reader = reader(bytes)?;
        let at = reader.signed()?;
        let length = reader.items()?;
        self.forgotten = Some((at, reader.take(length)?.to_vec()));
        if reader.byte()? == 1 {
            let base = Base::of(layout);
            base.with(|base| {
                for (summary, call) in base.iter_mut().zip(&layout.calls).filter(|(_, call)| layout.is_over_all(call)) {
                    let length = reader.items()?;
                    *summary = Some(call.kernel.read(&layout.input(call), reader.take(length)?)?);
                }
                Ok(())
            })?;
            self.base = Some(base);
        }
        Ok(reader.end()?)
    }
}

impl Block {
    /// Adds what has to be stored of the block.
    fn store(&mut self, layout: &Layout, changes: &mut Changes) {
        let rows = self.rows.len();
        if self.is_changed || self.parts >= PARTS {
            changes.deletes.extend((1..self.parts).map(|part| Part::Rows { block: self.number, part }));
            (self.parts, self.stored, self.is_changed) = (0, 0, false);
        }
        let mut out = vec![VERSION];
        self.rows.write(&mut out, layout, self.stored..rows);
        changes.puts.push((Part::Rows { block: self.number, part: self.parts }, out));
        self.parts += 1;
        self.stored = rows;
    }

    fn read(layout: &Layout, number: u32, parts: &[&[u8]]) -> Result<Self, OnlineError> {
        let mut rows = Rows::empty(layout);
        for bytes in parts {
            let mut reader = reader(bytes)?;
            let more = Rows::read(&mut reader, layout, layout.block.saturating_sub(rows.len()))?;
            reader.end()?;
            let is_behind = |last| more.is_empty() || rows.place(last) <= more.place(0);
            if !rows.len().checked_sub(1).is_none_or(is_behind) {
                return Err(OnlineError::state("its rows are not in order"));
            }
            let end = rows.len();
            rows.insert(end, &more, 0..more.len());
        }
        if rows.is_empty() {
            return Err(OnlineError::state("a block has no rows"));
        }
        let mut block = Block::new(number, rows);
        block.parts = u32::try_from(parts.len()).map_err(|_| OnlineError::state("a block has too many parts"))?;
        block.stored = block.rows.len();
        Ok(block)
    }
}

fn reader(bytes: &[u8]) -> Result<Reader<'_>, AggregateError> {
    let mut reader = Reader::new(WHAT, bytes);
    if reader.byte()? == VERSION { Ok(reader) } else { Err(reader.error("its version is not known")) }
}
