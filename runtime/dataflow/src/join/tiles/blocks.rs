//! Which parts of a source make up a tile, and which tiles stand for the rows that windows see.
//!
//! Time is divided into blocks of 4ᵏ microseconds, each of them four of the next smaller ones, and a part belongs to the
//! block of its middle. A block ends when a later one has a part. What a tile holds are the rows of its parts, wherever
//! in time they lie: it is used only where no window ends between them.

use std::collections::BTreeSet;

use super::super::node::Frame;
use crate::table::Span;
use mlsys_plan::Window;

/// The smallest block holds about so many parts, at least.
const SMALLEST: i64 = 3;

/// Ranges of instants within which windows begin or end.
#[derive(Debug, Default)]
pub(super) struct Edges(Vec<(i64, i64)>);

impl Edges {
    /// Those of windows at observations from a first to a last instant.
    pub(super) fn add(&mut self, frames: &[Frame], (first, last): (i64, i64)) {
        for frame in frames {
            self.0.push((first.saturating_sub(frame.offset), last.saturating_sub(frame.offset)));
            if let Window::Range { width } = frame.window {
                self.0.push((frame.begin(first, width), frame.begin(last, width)));
            }
        }
    }

    /// Whether each window sees all rows within the instants, or none of them.
    pub(super) fn spare(&self, rows: Span) -> bool {
        match rows {
            Span::Empty => true,
            Span::Unknown => false,
            // The row at a window's end is not in it, the one at its beginning is.
            Span::Bounds(first, last) => self.0.iter().all(|(from, to)| last < *from || first >= *to),
        }
    }
}

/// What stands for some parts: sets of parts, and parts by themselves.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Cover {
    /// By their number among those that may stand.
    pub(super) blocks: Vec<usize>,
    pub(super) parts: Vec<usize>,
}

/// Sets of parts that may become a tile, the larger ones first.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) sets: Vec<Vec<usize>>,
    /// How many of the first ones are all parts before a moment, for windows that see everything. The others are blocks
    /// that have ended.
    pub(super) beginnings: usize,
}

impl Blocks {
    /// Those of parts with these instants.
    pub(super) fn of(spans: &[Span], see_everything: bool) -> Self {
        let Some(middles) = spans.iter().map(|span| middle(*span)).collect::<Option<Vec<Option<i64>>>>() else {
            return Blocks::default();
        };
        let Some(newest) = middles.iter().flatten().max() else { return Blocks::default() };
        let within = |test: &dyn Fn(i64) -> bool| -> Vec<usize> {
            (0..spans.len()).filter(|part| middles[*part].is_some_and(test)).collect()
        };
        let numbers =
            |level: u32| -> BTreeSet<i64> { middles.iter().flatten().map(|middle| middle >> level).collect() };
        let smallest = smallest(spans);
        let before = |level: u32| -> Vec<Vec<usize>> {
            let moments = numbers(level).into_iter().rev();
            moments.map(|number| within(&|middle| middle >> level < number)).filter(|parts| parts.len() > 1).collect()
        };
        // A beginning is made anew whenever it grows: rather seldom, and blocks stand for the rest.
        let mut beginnings = Vec::new();
        if see_everything {
            beginnings = before(smallest + 2);
            if beginnings.is_empty() {
                beginnings = before(smallest);
            }
        }
        let mut ended: Vec<Vec<usize>> = Vec::new();
        let levels = (smallest..i64::BITS).step_by(2).take_while(|level| numbers(*level).len() > 1);
        for level in levels.collect::<Vec<u32>>().into_iter().rev() {
            let before = numbers(level).into_iter().filter(|number| *number < newest >> level);
            ended.extend(before.map(|number| within(&|middle| middle >> level == number)));
        }
        ended.retain(|parts| parts.len() > 1);
        Blocks { beginnings: beginnings.len(), sets: [beginnings, ended].concat() }
    }
}

/// Covers parts by those sets that may be used, the first that fit; the rest stands by itself.
pub(super) fn cover(blocks: &[Vec<usize>], parts: &BTreeSet<usize>, mut may: impl FnMut(usize) -> bool) -> Cover {
    let mut left = parts.clone();
    let mut found = Cover::default();
    for (number, block) in blocks.iter().enumerate() {
        if block.iter().all(|part| left.contains(part)) && may(number) {
            left.retain(|part| !block.contains(part));
            found.blocks.push(number);
        }
    }
    found.parts = left.into_iter().collect();
    found
}

/// The middle of a part, if it has one; none at the outside where nobody knows.
fn middle(span: Span) -> Option<Option<i64>> {
    match span {
        Span::Empty => Some(None),
        Span::Bounds(first, last) => Some(Some(first.midpoint(last))),
        Span::Unknown => None,
    }
}

/// The length of the smallest blocks, as a power of two.
fn smallest(spans: &[Span]) -> u32 {
    let mut lengths: Vec<i64> =
        spans.iter().filter_map(|span| span.bounds()).map(|(first, last)| last.saturating_sub(first)).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0).max(1);
    (0..i64::BITS - 3)
        .step_by(2)
        .find(|level| 1_i64 << level >= median.saturating_mul(SMALLEST))
        .unwrap_or(i64::BITS - 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts of ten instants each.
    fn tens(count: i64) -> Vec<Span> {
        (0..count).map(|ten| Span::Bounds(ten * 10, ten * 10 + 9)).collect()
    }

    #[test]
    fn blocks_nest_and_the_last_one_has_not_ended() {
        // Blocks of 64: parts 0 to 5 (whose middles are 4 to 54), 6 to 12, 13 to 18.
        let found = Blocks::of(&tens(15), false).sets;
        assert_eq!(found, vec![(0..6).collect::<Vec<_>>(), (6..13).collect()]);
        let found = Blocks::of(&tens(30), false).sets;
        assert_eq!(found[0], (0..26).collect::<Vec<_>>());
        assert_eq!(found[1..], [(0..6).collect::<Vec<_>>(), (6..13).collect(), (13..19).collect(), (19..26).collect()]);
        let found = Blocks::of(&tens(15), true);
        assert_eq!((found.beginnings, &found.sets[0]), (2, &(0..13).collect()));
        assert!(Blocks::of(&[Span::Unknown, Span::Bounds(0, 9)], true).sets.is_empty());
        assert!(Blocks::of(&[], true).sets.is_empty());
    }

    #[test]
    fn larger_blocks_are_taken_first() {
        let blocks = vec![vec![0, 1, 2, 3], vec![0, 1], vec![2, 3], vec![4, 5]];
        let found = cover(&blocks, &(1..7).collect(), |_| true);
        assert_eq!(found, Cover { blocks: vec![2, 3], parts: vec![1, 6] });
        let found = cover(&blocks, &(0..5).collect(), |number| number != 0);
        assert_eq!(found, Cover { blocks: vec![1, 2], parts: vec![4] });
    }

    #[test]
    fn windows_do_not_end_within_a_tile() {
        let frame = Frame { window: Window::Range { width: 50 }, offset: 5, step: None };
        let mut edges = Edges::default();
        edges.add(&[frame], (100, 110));
        // Windows begin from 45 to 55 and end before 95 to 105.
        let spare = |first, last| edges.spare(Span::Bounds(first, last));
        assert!(spare(55, 94) && spare(0, 44) && spare(105, 200));
        assert!(!spare(55, 95) && !spare(54, 60) && !spare(40, 45) && !spare(104, 104) && !spare(0, 300));
    }
}
