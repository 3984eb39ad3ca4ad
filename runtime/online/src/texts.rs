//! A column of byte strings that grows, and of which some are put in or taken out in the middle.

use std::ops::Range;

/// A column that begins has room for so many rows like its first.
const FEW: usize = 8;

/// Byte strings, one after another.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Texts {
    /// Where each ends.
    pub(crate) ends: Vec<u32>,
    pub(crate) bytes: Vec<u8>,
}

impl Texts {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> &[u8] {
        &self.bytes[start(&self.ends, index)..start(&self.ends, index + 1)]
    }

    /// Ends the string that was appended to the bytes; false if there are more than 32 bits can address.
    pub(crate) fn end(&mut self) -> bool {
        let end = u32::try_from(self.bytes.len());
        self.ends.extend(end);
        end.is_ok()
    }

    /// Puts some strings of another column before one of this.
    pub(crate) fn insert(&mut self, at: usize, other: &Texts, from: Range<usize>) {
        let (place, range) = insert_ends(&mut self.ends, at, &other.ends, from);
        insert_slice(&mut self.bytes, place, &other.bytes[range]);
    }

    pub(crate) fn remove(&mut self, range: Range<usize>) {
        let bytes = remove_ends(&mut self.ends, range);
        self.bytes.drain(bytes);
    }

    pub(crate) fn memory(&self) -> usize {
        self.ends.capacity() * size_of::<u32>() + self.bytes.capacity()
    }
}

/// Where an item begins.
pub(crate) fn start(ends: &[u32], index: usize) -> usize {
    if index == 0 { 0 } else { ends[index - 1] as usize }
}

/// Puts the ends of items of another column before an item; where the contents belong, and which ones.
#[expect(clippy::cast_possible_truncation, reason = "blocks bound the number of values and columns the size of each")]
pub(crate) fn insert_ends(ends: &mut Vec<u32>, at: usize, other: &[u32], from: Range<usize>) -> (usize, Range<usize>) {
    let place = start(ends, at);
    let contents = start(other, from.start)..start(other, from.end);
    let (length, before) = (contents.len() as u32, contents.start as u32);
    let moved = |end: &u32| end - before + place as u32;
    if at == ends.len() {
        if ends.capacity() == at {
            ends.reserve(at.max(FEW));
        }
        ends.extend(other[from].iter().map(moved));
    } else {
        ends[at..].iter_mut().for_each(|end| *end += length);
        ends.splice(at..at, other[from].iter().map(moved));
    }
    (place, contents)
}

/// Takes out the ends of items; where their contents are.
#[expect(clippy::cast_possible_truncation, reason = "as when they were put in")]
pub(crate) fn remove_ends(ends: &mut Vec<u32>, range: Range<usize>) -> Range<usize> {
    let contents = start(ends, range.start)..start(ends, range.end);
    let length = contents.len() as u32;
    ends[range.end..].iter_mut().for_each(|end| *end -= length);
    ends.drain(range);
    contents
}

/// Puts a slice before an item: at the end, where most go, it is copied at once.
pub(crate) fn insert_slice<T: Copy>(items: &mut Vec<T>, at: usize, slice: &[T]) {
    if at == items.len() {
        if items.capacity() - at < slice.len() {
            // Columns grow by doubling, from a few rows on: rows come one by one.
            items.reserve(at.max(FEW * slice.len()));
        }
        items.extend_from_slice(slice);
    } else {
        items.splice(at..at, slice.iter().copied());
    }
}
