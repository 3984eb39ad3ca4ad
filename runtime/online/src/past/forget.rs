//! Which rows of a past no window will see again, and what is kept of them.

use mlsys_plan::Window;

use super::{Base, Past};
use crate::error::OnlineError;
use crate::layout::{Frame, Layout};

/// Fewer rows than this share of a block's are not worth storing the block anew.
const SHARE: usize = 2;

impl Past {
    /// Lets go of rows that no window of a moment at or after `before` can see. The caller promises that no row before
    /// that instant will be added or removed, as below a watermark. `over all`, what such rows come to is kept, and
    /// `over last n`, the last `n` of them. Rows leave by whole blocks, or once they are half of the block.
    ///
    /// # Errors
    /// [`OnlineError::Aggregate`] if a kernel refuses the rows.
    pub fn forget(&mut self, layout: &Layout, before: i64) -> Result<(), OnlineError> {
        if self.rows == 0 {
            return Ok(());
        }
        let unseen = layout.frames.iter().map(|frame| self.unseen(frame, before)).min().unwrap_or(0);
        let (mut whole, mut rest) = (0, unseen);
        while let Some(block) = self.blocks.get(whole).filter(|block| block.rows.len() <= rest) {
            rest -= block.rows.len();
            whole += 1;
        }
        let rest = self.blocks.get(whole).map_or(0, |block| if rest * SHARE >= block.rows.len() { rest } else { 0 });
        if whole == 0 && rest == 0 {
            return Ok(());
        }
        self.keep_sum(layout, whole, rest)?;
        self.leave(whole, rest);
        Ok(())
    }

    /// How many of the first rows a frame does not need at a moment at or after an instant, or needs only as part of
    /// all rows.
    fn unseen(&self, frame: &Frame, before: i64) -> usize {
        match (frame.window, frame.begin(before)) {
            (_, Some(begin)) => self.before(begin),
            (Window::Last { rows }, None) => self.before(frame.end(before)).saturating_sub(rows as usize),
            (_, None) => self.before(frame.end(before)),
        }
    }

    /// How many rows come before an instant.
    fn before(&self, instant: i64) -> usize {
        let block = self.blocks.partition_point(|block| block.rows.instants.last().is_some_and(|last| *last < instant));
        let whole: usize = self.blocks[..block].iter().map(|block| block.rows.len()).sum();
        whole + self.blocks.get(block).map_or(0, |block| block.rows.before(instant))
    }

    /// Adds the first blocks, and some rows of the one after them, to what rows that have left come to.
    fn keep_sum(&mut self, layout: &Layout, whole: usize, rest: usize) -> Result<(), OnlineError> {
        let end: usize = self.blocks[..whole].iter().map(|block| block.rows.len()).sum::<usize>() + rest;
        for (index, call) in layout.calls.iter().enumerate().filter(|(_, call)| layout.is_over_all(call)) {
            let leaving = self.summary_of(layout, index, 0..end)?;
            let base = self.base.get_or_insert_with(|| Base::of(layout));
            base.with(|base| {
                let before = match base[index].take() {
                    Some(before) => before,
                    None => layout.summary(call)?,
                };
                let before = base[index].insert(before);
                Ok(before.merge(leaving.as_ref())?)
            })?;
        }
        Ok(())
    }

    /// Takes out the first blocks, and some rows of the one after them.
    fn leave(&mut self, whole: usize, rest: usize) {
        let mut last = None;
        for block in self.blocks.drain(..whole) {
            self.rows -= block.rows.len();
            last = Some(block.rows.len() - 1).map(|index| owned(block.rows.place(index)));
            self.left.push((block.number, block.parts));
        }
        if rest > 0
            && let Some(block) = self.blocks.first_mut()
        {
            last = Some(owned(block.rows.place(rest - 1)));
            self.rows -= rest;
            block.remove(0..rest);
        }
        self.forgotten = last.or(self.forgotten.take());
        if self.rows == 0 && self.base.is_none() {
            // Nothing that can be asked for depends on what has been.
            self.forgotten = None;
        }
        self.is_head_changed = true;
    }
}

fn owned((at, order): (i64, &[u8])) -> (i64, Vec<u8>) {
    (at, order.to_vec())
}

impl Base {
    /// Nothing has left.
    pub(super) fn of(layout: &Layout) -> Self {
        let mut summaries = Vec::new();
        summaries.resize_with(layout.calls.len(), || None);
        Base(summaries.into())
    }
}
