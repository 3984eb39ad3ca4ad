//! Memory for words that are written in any order: large pages, where the system has them, so that far places are found
//! fast, and zero until something is written.

use std::io;

use memmap2::MmapMut;

/// Bytes of a word.
const WORD: usize = size_of::<u64>();

/// So many words, zero at first.
pub(super) struct Segment(MmapMut);

impl Segment {
    /// Memory for words.
    ///
    /// # Errors
    /// The system has no memory.
    pub(super) fn new(words: usize) -> io::Result<Self> {
        let memory = MmapMut::map_anon((words * WORD).max(1))?;
        // Small pages do as well, only slower.
        #[cfg(target_os = "linux")]
        let _ = memory.advise(memmap2::Advice::HugePage);
        Ok(Segment(memory))
    }

    pub(super) fn get(&self, word: usize) -> u64 {
        let mut bytes = [0; WORD];
        bytes.copy_from_slice(&self.0[word * WORD..][..WORD]);
        u64::from_ne_bytes(bytes)
    }

    /// Writes a word, and returns what was there.
    pub(super) fn replace(&mut self, word: usize, value: u64) -> u64 {
        let before = self.get(word);
        self.0[word * WORD..][..WORD].copy_from_slice(&value.to_ne_bytes());
        before
    }
}
