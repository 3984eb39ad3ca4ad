//! From sorted observations and events to windows: which events each observation sees.
//!
//! Both sides are sorted by key and instant, so that a window's bounds, as positions among all events, never move
//! backwards: not within a key, and not from one key to the next. One walk over the events finds them all.

use std::cmp::Ordering;
use std::collections::VecDeque;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::TimestampMicrosecondType;
use datafusion::error::{DataFusionError, Result};
use mlsys_aggregates::RangeBuffer;
use mlsys_plan::Window;

use super::node::Frame;
use super::runs::{Run, RunFinder};

/// Events that may still be seen: their keys and instants, by position since the beginning.
pub(super) struct Events {
    finder: RunFinder,
    /// Runs of keys; neighbours have different keys. The last one goes on if more events come.
    runs: VecDeque<Run>,
    /// Instants of the events from position `released` on.
    times: Vec<i64>,
    released: usize,
    /// Whether every event has come.
    is_complete: bool,
}

/// A sorted batch of observations, and how many of them are done.
pub(super) struct Observations {
    runs: Vec<Run>,
    times: Vec<Option<i64>>,
    run: usize,
    done: usize,
}

/// The last observation that came.
pub(super) struct Last {
    run: Run,
    time: Option<i64>,
}

/// The bounds of every window at the last observation that is done.
pub(super) struct Windows {
    frames: Vec<Frame>,
    /// The first event of each window.
    low: Vec<usize>,
    /// The event after the last one of each window.
    high: Vec<usize>,
    /// The ranges of the observations that were done since the last [`Windows::clear`], per window.
    pub(super) ranges: Vec<RangeBuffer>,
}

impl Events {
    pub(super) fn new(finder: RunFinder) -> Self {
        Events { finder, runs: VecDeque::new(), times: Vec::new(), released: 0, is_complete: false }
    }

    /// Takes the next events.
    pub(super) fn append(&mut self, keys: &[ArrayRef], times: &ArrayRef) -> Result<()> {
        let mut runs = self.finder.runs(keys, self.end())?.into_iter();
        // A key may go on from one batch to the next.
        if let (Some(last), Some(first)) = (self.runs.back_mut(), runs.as_slice().first())
            && last.compare(first) == Ordering::Equal
        {
            last.end = first.end;
            runs.next();
        }
        self.runs.extend(runs);
        self.times.extend_from_slice(times.as_primitive::<TimestampMicrosecondType>().values());
        Ok(())
    }

    /// No more events will come.
    pub(super) fn complete(&mut self) {
        self.is_complete = true;
    }

    /// Forgets events before a position.
    pub(super) fn release(&mut self, before: usize) {
        let count = before - self.released;
        if count * 2 > self.times.len() {
            self.times.drain(..count);
            self.released = before;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.times.capacity() * size_of::<i64>() + self.runs.capacity() * size_of::<Run>()
    }

    /// The position after the last event.
    fn end(&self) -> usize {
        self.released + self.times.len()
    }

    fn time(&self, position: usize) -> i64 {
        self.times[position - self.released]
    }

    /// The events of a key, and whether all of them have come; none if it is not known yet whether there are any.
    /// Keys are asked for in order: runs of smaller keys are dropped.
    fn of_key(&mut self, key: &Run) -> Option<(usize, usize, bool)> {
        while let Some(run) = self.runs.front() {
            let is_closed = self.is_complete || self.runs.len() > 1;
            match run.compare(key) {
                Ordering::Equal => return Some((run.start, run.end, is_closed)),
                Ordering::Greater => return Some((run.start, run.start, true)),
                // The last run is kept while it may go on, so that its rest is recognised.
                Ordering::Less if is_closed => drop(self.runs.pop_front()),
                Ordering::Less => return None,
            }
        }
        let end = self.end();
        self.is_complete.then_some((end, end, true))
    }
}

impl Observations {
    pub(super) fn new(finder: &RunFinder, keys: &[ArrayRef], times: &ArrayRef) -> Result<Self> {
        let times = times.as_primitive::<TimestampMicrosecondType>();
        Ok(Observations { runs: finder.runs(keys, 0)?, times: times.iter().collect(), run: 0, done: 0 })
    }

    /// Holds that they come after those before, which an operator relies on; what the next ones come after.
    ///
    /// # Errors
    /// They are not in order: somebody has put an operator between that does not keep it.
    pub(super) fn follow(&self, before: Option<Last>) -> Result<Last> {
        let (Some(first), Some(last)) = (self.runs.first(), self.runs.last()) else {
            return Err(DataFusionError::Internal("a batch of observations without rows".to_owned()));
        };
        let keys = self.runs.is_sorted_by(|one, next| one.compare(next) == Ordering::Less);
        let times = self.runs.iter().all(|run| self.times[run.start..run.end].is_sorted());
        let goes_on = before.is_none_or(|before| match before.run.compare(first) {
            Ordering::Less => true,
            Ordering::Equal => before.time <= self.times[first.start],
            Ordering::Greater => false,
        });
        if keys && times && goes_on {
            return Ok(Last { run: last.clone(), time: self.times[last.end - 1] });
        }
        Err(DataFusionError::Internal("observations are not in order".to_owned()))
    }

    /// Whether all of them are done.
    pub(super) fn are_done(&self) -> bool {
        self.done == self.times.len()
    }
}

impl Windows {
    pub(super) fn new(frames: &[Frame]) -> Self {
        let count = frames.len();
        let ranges = vec![RangeBuffer::default(); count];
        Windows { frames: frames.to_vec(), low: vec![0; count], high: vec![0; count], ranges }
    }

    /// Forgets the ranges that were found.
    pub(super) fn clear(&mut self) {
        self.ranges.iter_mut().for_each(RangeBuffer::clear);
    }

    /// The first event that any window may still see.
    pub(super) fn oldest(&self) -> usize {
        self.low.iter().copied().min().unwrap_or(0)
    }

    /// Finds the windows of as many observations as the events allow, and returns how many they were. More events are
    /// needed if the observations are not done afterwards.
    pub(super) fn advance(&mut self, observations: &mut Observations, events: &mut Events) -> usize {
        let before = observations.done;
        while let Some(run) = observations.runs.get(observations.run) {
            if !self.advance_key(run, &observations.times, &mut observations.done, events) {
                break;
            }
            observations.run += 1;
        }
        observations.done - before
    }

    /// Finds the windows of the observations of one key; false if more events are needed.
    fn advance_key(&mut self, key: &Run, times: &[Option<i64>], done: &mut usize, events: &mut Events) -> bool {
        // A missing key has no events: its windows are empty wherever they are.
        let here = self.high.iter().copied().max().unwrap_or(0);
        let found = if key.is_present { events.of_key(key) } else { Some((here, here, true)) };
        let Some((start, end, is_closed)) = found else {
            // Whatever has come belongs to smaller keys.
            self.move_to(events.end());
            return false;
        };
        self.move_to(start);
        while *done < key.end {
            match times[*done] {
                // An observation without an instant sees nothing.
                None => self.push_empty(),
                Some(time) => {
                    let is_known = self.reach(time, end, events) || is_closed;
                    self.leave(time, events);
                    if !is_known {
                        return false;
                    }
                    self.push();
                }
            }
            *done += 1;
        }
        true
    }

    /// Moves every bound forward to a position at least.
    fn move_to(&mut self, position: usize) {
        self.high.iter_mut().chain(&mut self.low).for_each(|bound| *bound = (*bound).max(position));
    }

    /// Moves the upper bounds to the first event at or after each window's end; false if one is not among those that
    /// came.
    fn reach(&mut self, time: i64, end: usize, events: &Events) -> bool {
        let mut are_known = true;
        for (high, frame) in self.high.iter_mut().zip(&self.frames) {
            let until = time.saturating_sub(frame.offset);
            while *high < end && events.time(*high) < until {
                *high += 1;
            }
            are_known &= *high < end;
        }
        are_known
    }

    /// Moves the lower bounds to the first event inside each window.
    fn leave(&mut self, time: i64, events: &Events) {
        for ((low, high), frame) in self.low.iter_mut().zip(&self.high).zip(&self.frames) {
            match frame.window {
                Window::All => {}
                Window::Range { width } => {
                    let oldest = frame.begin(time, width);
                    while *low < *high && events.time(*low) < oldest {
                        *low += 1;
                    }
                }
                // The bound never lies before the key's first event: `move_to` has put it there.
                Window::Last { rows } => *low = (*low).max(high.saturating_sub(rows as usize)),
            }
        }
    }

    fn push(&mut self) {
        for (ranges, (low, high)) in self.ranges.iter_mut().zip(self.low.iter().zip(&self.high)) {
            ranges.push(*low, *high);
        }
    }

    /// An empty range that lies behind no other: at a key's first observations every lower bound is at its start.
    fn push_empty(&mut self) {
        for (ranges, low) in self.ranges.iter_mut().zip(&self.low) {
            ranges.push(*low, *low);
        }
    }
}
