//! A window over a monoid: the two-stack queue, which never subtracts.
//!
//! The front stack holds, for each of its positions, the summary from there to the middle; the back is one running
//! summary from the middle on. A value enters the back once and moves to the front at most once, so a window that
//! slides over `n` values costs at most `2n` merges, whatever its length. What has left the window is in neither
//! part: no error and no NaN of it remains.

use crate::ranges::Ranges;

/// Summaries of values that merge, and the values themselves by position.
pub trait Monoid {
    /// A summary of a run of values.
    type State: Copy + Send;

    /// The summary of one value.
    fn lift(&self, position: usize) -> Self::State;

    /// The summary of two neighbouring runs, the earlier one first.
    fn merge(&self, earlier: Self::State, later: Self::State) -> Self::State;
}

/// The summary of a window that slides over the values of a [`Monoid`].
#[derive(Clone, Debug)]
pub struct Queue<S> {
    low: usize,
    middle: usize,
    high: usize,
    /// Summaries of `p..middle` for `p` from `middle - 1` down to `low`: the last one is that of `low..middle`.
    front: Vec<S>,
    /// The summary of `middle..high`, if that is not empty.
    back: Option<S>,
}

impl<S> Default for Queue<S> {
    fn default() -> Self {
        Queue { low: 0, middle: 0, high: 0, front: Vec::new(), back: None }
    }
}

impl<S: Copy + Send> Queue<S> {
    /// Hands over the summary of each range, none for an empty one, and its length, in order. Ranges never move backwards,
    /// also across calls.
    pub fn slide<M: Monoid<State = S>>(
        &mut self,
        monoid: &M,
        ranges: Ranges<'_>,
        mut each: impl FnMut(Option<S>, usize),
    ) {
        for (low, high) in ranges.iter() {
            debug_assert!(low >= self.low && high >= self.high, "ranges never move backwards");
            self.evict(monoid, low);
            self.push(monoid, high);
            each(self.summary(monoid), high - low);
        }
    }

    /// Bytes that are held.
    pub fn bytes(&self) -> usize {
        self.front.capacity() * size_of::<S>()
    }

    /// Moves the lower bound, rebuilding the front when it has been used up.
    fn evict<M: Monoid<State = S>>(&mut self, monoid: &M, low: usize) {
        if low >= self.high {
            self.restart(low);
        } else if low >= self.middle && low > self.low {
            self.turn(monoid, low);
        } else {
            self.front.truncate(self.middle.saturating_sub(low));
            self.low = low;
        }
    }

    /// Begins anew at a position after everything that was seen.
    fn restart(&mut self, low: usize) {
        self.front.clear();
        self.back = None;
        (self.low, self.middle, self.high) = (low, low, low);
    }

    /// Moves what is left of the back to the front.
    fn turn<M: Monoid<State = S>>(&mut self, monoid: &M, low: usize) {
        self.front.clear();
        let mut summary = None;
        for position in (low..self.high).rev() {
            let state = merge_after(monoid, monoid.lift(position), summary);
            self.front.push(state);
            summary = Some(state);
        }
        self.back = None;
        (self.low, self.middle) = (low, self.high);
    }

    /// Moves the upper bound.
    fn push<M: Monoid<State = S>>(&mut self, monoid: &M, high: usize) {
        for position in self.high..high {
            let state = monoid.lift(position);
            self.back = Some(match self.back {
                Some(back) => monoid.merge(back, state),
                None => state,
            });
        }
        self.high = self.high.max(high);
    }

    fn summary<M: Monoid<State = S>>(&self, monoid: &M) -> Option<S> {
        match self.front.last() {
            Some(front) => Some(merge_after(monoid, *front, self.back)),
            None => self.back,
        }
    }
}

fn merge_after<M: Monoid>(monoid: &M, earlier: M::State, later: Option<M::State>) -> M::State {
    later.map_or(earlier, |later| monoid.merge(earlier, later))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Monoid, Queue};
    use crate::ranges::Ranges;

    /// Ranges as their own summaries: merging checks that the parts are neighbours and in order.
    struct Spans;

    impl Monoid for Spans {
        type State = (usize, usize);

        fn lift(&self, position: usize) -> Self::State {
            (position, position + 1)
        }

        fn merge(&self, earlier: Self::State, later: Self::State) -> Self::State {
            assert_eq!(earlier.1, later.0, "merged runs are neighbours");
            (earlier.0, later.1)
        }
    }

    proptest! {
        #[test]
        fn every_range_is_summed_exactly_once(
            steps in prop::collection::vec((0_usize..6, 0_usize..6), 1..60),
            split in 0_usize..60,
        ) {
            let (mut low, mut high) = (0, 0);
            let ranges: Vec<(usize, usize)> = steps
                .into_iter()
                .map(|(forward, length)| {
                    low += forward;
                    high = high.max(low).max((low + length).min(high + length));
                    (low, high)
                })
                .collect();
            let lows: Vec<usize> = ranges.iter().map(|range| range.0).collect();
            let highs: Vec<usize> = ranges.iter().map(|range| range.1).collect();
            let split = split.min(ranges.len());
            let mut queue = Queue::default();
            let mut found = Vec::new();
            queue.slide(&Spans, Ranges::new(&lows[..split], &highs[..split]), |span, _| found.push(span));
            queue.slide(&Spans, Ranges::new(&lows[split..], &highs[split..]), |span, _| found.push(span));
            let expected: Vec<_> =
                ranges.into_iter().map(|range| (range.0 < range.1).then_some(range)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
