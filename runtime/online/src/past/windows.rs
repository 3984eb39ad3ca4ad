//! What the windows of a past come to at a moment.

use std::cmp::Reverse;
use std::ops::Range;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::DataType;
use mlsys_aggregates::Summary;
use mlsys_plan::Window;

use super::Past;
use crate::error::OnlineError;
use crate::layout::{Call, Frame, Layout};

/// The rows that a frame sees, counted from the first one that is held.
#[derive(Clone, Copy, Debug)]
struct Span {
    low: usize,
    high: usize,
    /// Whether it sees all rows that have left, too.
    has_left: bool,
}

/// What kernels read of some rows of a block: the present values of an argument.
struct Slice {
    block: usize,
    range: Range<usize>,
    argument: Option<usize>,
    values: ArrayRef,
    /// The instants of the values, if they are not those of all the rows.
    instants: Option<Vec<i64>>,
}

/// The slices that have been made, which kernels share.
#[derive(Default)]
struct Slices(Vec<Slice>);

impl Past {
    /// Every feature at a moment, as a column of one value each.
    ///
    /// # Errors
    /// [`OnlineError::Forgotten`] if a window would see rows that have been forgotten; [`OnlineError::Aggregate`] if an
    /// integer result does not fit its type.
    pub fn features(&self, layout: &Layout, at: i64) -> Result<Vec<ArrayRef>, OnlineError> {
        let starts = self.starts();
        let spans = layout.frames.iter().map(|frame| self.span(frame, at, &starts)).collect::<Result<Vec<_>, _>>()?;
        let mut slices = Slices::default();
        let mut results: Vec<Vec<(usize, ArrayRef)>> = Vec::with_capacity(layout.calls.len());
        for call in 0..layout.calls.len() {
            results.push(self.call(layout, call, &spans, &starts, &mut slices)?);
        }
        let result = |(call, frame): &(usize, usize)| {
            let found = results[*call].iter().find(|(known, _)| known == frame);
            found.map(|(_, value)| ArrayRef::clone(value)).ok_or_else(|| OnlineError::state("a feature has no result"))
        };
        layout.measures.iter().map(result).collect()
    }

    /// What some rows come to for a call.
    pub(super) fn summary_of(
        &self,
        layout: &Layout,
        call: usize,
        rows: Range<usize>,
    ) -> Result<Box<dyn Summary>, OnlineError> {
        let mut summary = layout.summary(&layout.calls[call])?;
        self.fill(summary.as_mut(), layout, call, rows, &self.starts(), &mut Slices::default())?;
        Ok(summary)
    }

    /// How many rows come before each block.
    fn starts(&self) -> Vec<usize> {
        let mut end = 0;
        let start = |block: &super::Block| {
            end += block.rows.len();
            end - block.rows.len()
        };
        self.blocks.iter().map(start).collect()
    }

    fn span(&self, frame: &Frame, at: i64, starts: &[usize]) -> Result<Span, OnlineError> {
        let high = self.rank(frame.end(at), starts);
        let forgotten = self.forgotten.as_ref().map(|(until, _)| *until);
        let (low, is_known) = match (frame.window, frame.begin(at)) {
            (_, Some(begin)) => {
                let low = self.rank(begin, starts).min(high);
                (low, forgotten.is_none_or(|until| until < begin))
            }
            (Window::Last { rows }, None) => {
                let rows = rows as usize;
                (high.saturating_sub(rows), forgotten.is_none() || high >= rows)
            }
            (_, None) => (0, forgotten.is_none_or(|until| until < frame.end(at))),
        };
        if let Some(until) = forgotten.filter(|_| !is_known) {
            return Err(OnlineError::Forgotten { at, until });
        }
        Ok(Span { low, high, has_left: frame.window == Window::All && self.base.is_some() })
    }

    /// How many rows come before an instant.
    fn rank(&self, instant: i64, starts: &[usize]) -> usize {
        let block = self.blocks.partition_point(|block| block.rows.instants.last().is_some_and(|last| *last < instant));
        match self.blocks.get(block) {
            Some(found) => starts[block] + found.rows.before(instant),
            None => self.rows,
        }
    }

    /// A call's results, by frame. Windows that end together are nested: what the shorter one comes to is part of the longer.
    fn call(
        &self,
        layout: &Layout,
        index: usize,
        spans: &[Span],
        starts: &[usize],
        slices: &mut Slices,
    ) -> Result<Vec<(usize, ArrayRef)>, OnlineError> {
        let call = &layout.calls[index];
        let mut frames = call.frames.clone();
        frames.sort_unstable_by_key(|frame| (spans[*frame].high, Reverse(spans[*frame].low)));
        let mut results = Vec::with_capacity(frames.len());
        let mut known: Option<(Span, Box<dyn Summary>)> = None;
        for frame in frames {
            let span = spans[frame];
            let later = known.take().filter(|(later, _)| later.high == span.high);
            let summary = match later {
                Some((later, summary)) if later.low == span.low => summary,
                later => {
                    let end = later.as_ref().map_or(span.high, |(later, _)| later.low);
                    let mut summary = layout.summary(call)?;
                    self.fill(summary.as_mut(), layout, index, span.low..end, starts, slices)?;
                    if let Some((_, later)) = later {
                        summary.merge(later.as_ref())?;
                    }
                    summary
                }
            };
            results.push((frame, self.finish(layout, index, span, layout.frames[frame].length(), summary.as_ref())?));
            known = Some((span, summary));
        }
        Ok(results)
    }

    /// A summary's result, with what rows that have left come to where they are seen.
    fn finish(
        &self,
        layout: &Layout,
        index: usize,
        span: Span,
        length: Option<i64>,
        summary: &dyn Summary,
    ) -> Result<ArrayRef, OnlineError> {
        let Some(base) = self.base.as_ref().filter(|_| span.has_left) else {
            return Ok(summary.finish(length)?);
        };
        let mut all = layout.summary(&layout.calls[index])?;
        base.with(|base| {
            if let Some(before) = &base[index] {
                all.merge(before.as_ref())?;
            }
            Ok(())
        })?;
        all.merge(summary)?;
        Ok(all.finish(length)?)
    }

    /// Adds some rows to a call's summary.
    fn fill(
        &self,
        summary: &mut dyn Summary,
        layout: &Layout,
        call: usize,
        rows: Range<usize>,
        starts: &[usize],
        slices: &mut Slices,
    ) -> Result<(), OnlineError> {
        let mut low = rows.start;
        let mut index = starts.partition_point(|start| *start <= low).saturating_sub(1);
        while low < rows.end {
            let (block, start) = (&self.blocks[index], starts[index]);
            let high = rows.end.min(start + block.rows.len());
            let range = low - start..high - start;
            if range.len() == block.rows.len() && block.is_large(layout) {
                let make = |_: &super::Block| {
                    let mut whole = layout.summary(&layout.calls[call])?;
                    self.update(whole.as_mut(), layout, call, (index, range.clone()), slices)?;
                    Ok(whole)
                };
                block.with_summary(layout, call, make, |whole| Ok(summary.merge(whole)?))?;
            } else {
                self.update(summary, layout, call, (index, range), slices)?;
            }
            low = high;
            index += 1;
        }
        Ok(())
    }

    /// Adds some rows of a block to a call's summary, one by one.
    fn update(
        &self,
        summary: &mut dyn Summary,
        layout: &Layout,
        call: usize,
        (block, range): (usize, Range<usize>),
        slices: &mut Slices,
    ) -> Result<(), OnlineError> {
        let Call { kernel, argument, .. } = &layout.calls[call];
        let slice = self.slice(layout, block, range, *argument, slices)?;
        let instants = match (&slice.instants, kernel.reads_time()) {
            (_, false) => &[],
            (Some(instants), true) => instants.as_slice(),
            (None, true) => &self.blocks[block].rows.instants[slice.range.clone()],
        };
        Ok(summary.update(&slice.values, instants)?)
    }

    fn slice<'a>(
        &self,
        layout: &Layout,
        block: usize,
        range: Range<usize>,
        argument: Option<usize>,
        slices: &'a mut Slices,
    ) -> Result<&'a Slice, OnlineError> {
        let is_same = |one: &Slice| one.block == block && one.argument == argument && one.range == range;
        let known = slices.0.iter().position(is_same);
        let index = match known {
            Some(index) => index,
            None => {
                slices.0.push(self.make_slice(layout, block, range, argument)?);
                slices.0.len() - 1
            }
        };
        Ok(&slices.0[index])
    }

    fn make_slice(
        &self,
        layout: &Layout,
        block: usize,
        range: Range<usize>,
        argument: Option<usize>,
    ) -> Result<Slice, OnlineError> {
        let rows = &self.blocks[block].rows;
        let Some(index) = argument else {
            // Rows are counted, whatever is in them.
            let values = new_null_array(&DataType::Null, range.len());
            return Ok(Slice { block, range, argument, values, instants: None });
        };
        let (column, ty) = (&rows.arguments[index], &layout.arguments[index]);
        if !column.has_missing(range.clone()) {
            let values = column.array(ty, range.clone())?;
            return Ok(Slice { block, range, argument, values, instants: None });
        }
        let present = column.present_only(range.clone(), ty);
        let kept: Vec<i64> =
            range.clone().filter(|row| column.is_present(*row)).map(|row| rows.instants[row]).collect();
        let values = present.array(ty, 0..kept.len())?;
        Ok(Slice { block, range, argument, values, instants: Some(kept) })
    }
}
