//! Whole lines of a file, as slices of what was read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::{Bytes, BytesMut};

use super::PARTITION;
use crate::stream::{Delivery, Malformed, Message};

/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// The longest line; a longer one is no message.
const LONGEST: usize = 16 << 20;

/// How much of a line that is too long is kept.
const KEPT: usize = 64 << 10;

/// A file that is read line by line.
pub(super) struct Lines {
    file: File,
    /// Where the buffer begins in the file: everything before was delivered.
    byte: u64,
    buffer: BytesMut,
    /// How much of the buffer has no line's end in it.
    searched: usize,
    /// The beginning of a line that is too long, and where it begins; the buffer is in the middle of it.
    overlong: Option<(u64, Bytes)>,
}

impl Lines {
    /// Begins at a byte.
    pub(super) fn new(file: File, byte: u64) -> Self {
        Lines { file, byte, buffer: BytesMut::new(), searched: 0, overlong: None }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// The file's length now.
    pub(super) fn length(&self) -> io::Result<u64> {
        self.file.metadata().map(|metadata| metadata.len())
    }

    /// How far the file has been read, unfinished lines included.
    pub(super) fn read_until(&self) -> u64 {
        self.byte + self.buffer.len() as u64
    }

    /// Whether no whole line is left of what was read.
    pub(super) fn wants_more(&mut self) -> bool {
        let is_found = memchr::memchr(b'\n', &self.buffer[self.searched..]).is_some();
        if !is_found {
            self.searched = self.buffer.len();
        }
        !is_found
    }

    /// Delivers at most so many lines.
    pub(super) fn read(&mut self, most: usize, base: u64, delivery: &mut Delivery) -> io::Result<()> {
        if self.wants_more() {
            self.fill()?;
        }
        self.split(most, base, delivery);
        Ok(())
    }

    /// Delivers what is left as a line, because nothing more will be written. The answer is the file's length in bytes.
    pub(super) fn finish(&mut self, delivery: &mut Delivery, base: u64) -> u64 {
        let rest = self.buffer.split().freeze();
        self.searched = 0;
        let start = self.byte;
        self.byte += rest.len() as u64;
        match self.overlong.take() {
            Some((start, kept)) => delivery.malformed.push(too_long(base + start, kept)),
            None => deliver(base + start, rest, delivery),
        }
        delivery.next.set(PARTITION, base + self.byte);
        self.byte
    }

    fn fill(&mut self) -> io::Result<()> {
        let held = self.buffer.len();
        self.buffer.resize(held + CHUNK, 0);
        let read = self.file.read_at(&mut self.buffer[held..], self.byte + held as u64);
        self.buffer.truncate(held + *read.as_ref().unwrap_or(&0));
        read.map(drop)
    }

    fn split(&mut self, most: usize, base: u64, delivery: &mut Delivery) {
        let mut end = 0;
        let mut ends = memchr::memchr_iter(b'\n', &self.buffer[self.searched..]).take(most.max(1));
        let ends: Vec<usize> = ends.by_ref().map(|found| self.searched + found).collect();
        let Some(last) = ends.last() else {
            self.searched = self.buffer.len();
            self.bound_line();
            return;
        };
        let chunk = self.buffer.split_to(last + 1).freeze();
        self.searched = 0;
        delivery.messages.reserve(ends.len());
        for found in ends {
            match self.overlong.take() {
                Some((start, kept)) => delivery.malformed.push(too_long(base + start, kept)),
                None => deliver(base + self.byte + end as u64, chunk.slice(end..found), delivery),
            }
            end = found + 1;
        }
        self.byte += end as u64;
        delivery.next.set(PARTITION, base + self.byte);
    }

    /// Lets go of a line that is too long, except for its beginning.
    fn bound_line(&mut self) {
        if self.overlong.is_none() && self.buffer.len() > LONGEST {
            self.overlong = Some((self.byte, Bytes::copy_from_slice(&self.buffer[..KEPT])));
        }
        if self.overlong.is_some() {
            self.byte += self.buffer.len() as u64;
            self.buffer.clear();
            self.searched = 0;
        }
    }
}

fn deliver(offset: u64, line: Bytes, delivery: &mut Delivery) {
    if !line.trim_ascii().is_empty() {
        delivery.messages.push(Message { partition: PARTITION, offset, time: None, payload: line });
    }
}

fn too_long(offset: u64, payload: Bytes) -> Malformed {
    let reason = format!("expected a line of at most {LONGEST} bytes, found a longer one");
    Malformed { partition: PARTITION, offset, payload, reason }
}
