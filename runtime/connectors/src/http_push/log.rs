//! Rows on disk until they are taken: files of records, appended by one thread that makes many of them safe at once.
//!
//! A record is its length (4 bytes), the time it came (8 bytes, microseconds), a hash of time and row (8 bytes, XXH64), all in
//! little-endian order, and the row. A record's number is its place in bytes in all files together; a file is named after
//! the number it begins with. What a crash has cut at the very end was never answered, and is taken away.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::hash::Hasher;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use tokio::sync::futures::Notified;
use tokio::sync::{Notify, mpsc, oneshot};
use twox_hash::XxHash64;

use super::PARTITION;
use crate::error::ConnectorError;
use crate::stream::{Delivery, Message};

/// Bytes before a row.
const HEADER: usize = 20;

/// The size at which a file is full.
const FILE: u64 = 64 << 20;

/// How much is read at once.
const CHUNK: usize = 1 << 20;

/// How many requests may wait for the disk.
const QUEUE: usize = 1024;

/// Why rows were not taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Too much waits already.
    Behind,
    /// The disk fails, or the stream has ended.
    Broken,
}

/// Rows on disk.
pub(super) struct Log {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Batch>,
}

struct Shared {
    folder: PathBuf,
    most: u64,
    /// The numbers that files begin with, in order.
    files: Mutex<VecDeque<u64>>,
    /// Everything before this is safe.
    end: AtomicU64,
    /// Everything that was accepted, safe or not, ends here.
    promised: AtomicU64,
    /// Nothing before this is needed any more.
    taken: AtomicU64,
    is_broken: AtomicBool,
    news: Notify,
}

/// The records of a request, and who waits for them.
struct Batch {
    records: Vec<u8>,
    done: oneshot::Sender<bool>,
}

/// Where a reader is.
pub(super) struct Reader {
    position: u64,
    /// Whether everything is there from where it was to go on.
    is_whole: bool,
    /// The file that is read, and the number it begins with.
    file: Option<(u64, File)>,
}

impl Log {
    /// Opens a folder for a reader that goes on at a position, or at its oldest record or its end. A position that the log
    /// does not reach is where it begins then: numbers are not used twice.
    pub(super) fn open(
        folder: &Path,
        most: u64,
        position: Option<u64>,
        at_end: bool,
    ) -> Result<(Self, Reader), ConnectorError> {
        fs::create_dir_all(folder).map_err(ConnectorError::file(folder))?;
        let mut files = bases_in(folder).map_err(ConnectorError::file(folder))?;
        let mut end = match files.back() {
            Some(last) => last + cut_tail(&path_of(folder, *last))?,
            None => 0,
        };
        let is_lost = position.is_some_and(|position| position > end);
        if let Some(position) = position.filter(|_| is_lost) {
            for base in files.drain(..) {
                let path = path_of(folder, base);
                fs::remove_file(&path).map_err(ConnectorError::file(path))?;
            }
            end = position;
        }
        if files.is_empty() {
            files.push_back(end);
        }
        let oldest = files.front().copied().unwrap_or(end);
        let start = if at_end { end } else { position.unwrap_or(oldest).max(oldest) };
        let is_whole = !is_lost && position.is_none_or(|position| position == start);
        let last = files.back().copied().unwrap_or(end);
        let writer = Writer { file: append_to(&path_of(folder, last))?, base: last, end };
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            most,
            files: Mutex::new(files),
            end: AtomicU64::new(end),
            promised: AtomicU64::new(end),
            taken: AtomicU64::new(start),
            is_broken: AtomicBool::new(false),
            news: Notify::new(),
        });
        let (queue, batches) = mpsc::channel(QUEUE);
        let of_writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("push log".to_owned())
            .spawn(move || writer.run(&of_writer, batches))
            .map_err(ConnectorError::file(folder))?;
        Ok((Log { shared, queue }, Reader { position: start, is_whole, file: None }))
    }

    /// Appends rows and waits until they are safe.
    pub(super) async fn append(&self, rows: &[&[u8]]) -> Result<(), Full> {
        let shared = &self.shared;
        if shared.is_broken.load(Ordering::Acquire) {
            return Err(Full::Broken);
        }
        let mut records = Vec::with_capacity(rows.iter().map(|row| HEADER + row.len()).sum());
        let now = now();
        for row in rows {
            write_record(row, now, &mut records);
        }
        let size = records.len() as u64;
        let room = self.queue.try_reserve().map_err(|_| Full::Behind)?;
        let promised = shared.promised.fetch_add(size, Ordering::AcqRel) + size;
        if promised - shared.taken.load(Ordering::Acquire) > shared.most {
            shared.promised.fetch_sub(size, Ordering::AcqRel);
            return Err(Full::Behind);
        }
        let (done, is_done) = oneshot::channel();
        room.send(Batch { records, done });
        if is_done.await == Ok(true) { Ok(()) } else { Err(Full::Broken) }
    }

    /// Removes files of which everything is taken.
    pub(super) fn forget_before(&self, position: u64) -> Result<(), ConnectorError> {
        self.shared.taken.fetch_max(position, Ordering::AcqRel);
        let mut files = self.shared.files.lock().unwrap_or_else(PoisonError::into_inner);
        while files.get(1).is_some_and(|second| *second <= position)
            && let Some(base) = files.pop_front()
        {
            let path = path_of(&self.shared.folder, base);
            fs::remove_file(&path).map_err(ConnectorError::file(path))?;
        }
        Ok(())
    }

    /// Ends when something is appended after it was asked for.
    pub(super) fn news(&self) -> Notified<'_> {
        self.shared.news.notified()
    }
}

impl Reader {
    /// Where it is.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Whether everything was there from where it was to go on when it was opened.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Delivers at most so many rows that are safe.
    pub(super) fn read(&mut self, log: &Log, most: usize, delivery: &mut Delivery) -> Result<(), ConnectorError> {
        let shared = &log.shared;
        let end = shared.end.load(Ordering::Acquire);
        if self.position >= end {
            return Ok(());
        }
        let (base, limit) = shared.around(self.position, end);
        if self.file.as_ref().is_none_or(|(open, _)| *open != base) {
            let path = path_of(&shared.folder, base);
            self.file = Some((base, File::open(&path).map_err(ConnectorError::file(path))?));
        }
        let Some((_, file)) = &self.file else { return Ok(()) };
        let damaged =
            |reason: &str| ConnectorError::Damaged { path: path_of(&shared.folder, base), reason: reason.into() };
        let mut length = usize::try_from(limit - self.position).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = read_chunk(file, self.position - base, length).map_err(ConnectorError::file(&shared.folder))?;
        if let Some(longer) = first_length(&chunk).filter(|longer| *longer > chunk.len()) {
            length = longer;
            if length as u64 > limit - self.position {
                return Err(damaged("a record is longer than the file"));
            }
            chunk = read_chunk(file, self.position - base, length).map_err(ConnectorError::file(&shared.folder))?;
        }
        for _ in 0..most.max(1) {
            let Some(record) = take_record(&mut chunk).map_err(damaged)? else { break };
            delivery.messages.push(Message {
                partition: PARTITION,
                offset: self.position,
                time: Some(record.time),
                payload: record.row,
            });
            self.position += record.size;
        }
        delivery.next.set(PARTITION, self.position);
        Ok(())
    }
}

impl Shared {
    /// The file in which a position lies: where it begins, and where it ends.
    fn around(&self, position: u64, end: u64) -> (u64, u64) {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let after = files.partition_point(|base| *base <= position);
        let base = files.get(after.saturating_sub(1)).copied().unwrap_or(position);
        (base, files.get(after).copied().unwrap_or(end).min(end))
    }
}

/// Appends batches, and answers when they are safe.
struct Writer {
    file: File,
    base: u64,
    end: u64,
}

impl Writer {
    /// Ends when nobody can append any more.
    fn run(mut self, shared: &Shared, mut batches: mpsc::Receiver<Batch>) {
        while let Some(first) = batches.blocking_recv() {
            let mut written = Vec::with_capacity(first.records.len());
            let mut waiting = Vec::new();
            let mut next = Some(first);
            while let Some(batch) = next {
                written.extend_from_slice(&batch.records);
                waiting.push(batch.done);
                next = if written.len() < CHUNK { batches.try_recv().ok() } else { None };
            }
            let is_safe = !shared.is_broken.load(Ordering::Acquire) && self.append(shared, &written).is_ok();
            if is_safe {
                shared.end.store(self.end, Ordering::Release);
                shared.news.notify_waiters();
            } else {
                // What is in the file now nobody knows; the next start takes away what is not whole.
                shared.is_broken.store(true, Ordering::Release);
            }
            for done in waiting {
                // Whoever has gone away needs no answer.
                let _ = done.send(is_safe);
            }
        }
    }

    fn append(&mut self, shared: &Shared, records: &[u8]) -> Result<(), ConnectorError> {
        if self.end - self.base >= FILE {
            self.file = append_to(&path_of(&shared.folder, self.end))?;
            self.base = self.end;
            File::open(&shared.folder)
                .and_then(|folder| folder.sync_all())
                .map_err(ConnectorError::file(&shared.folder))?;
            shared.files.lock().unwrap_or_else(PoisonError::into_inner).push_back(self.base);
        }
        let write = self.file.write_all(records).and_then(|()| self.file.sync_data());
        write.map_err(ConnectorError::file(&shared.folder))?;
        self.end += records.len() as u64;
        Ok(())
    }
}

struct TakenRecord {
    time: i64,
    row: Bytes,
    size: u64,
}

/// The next whole record of a chunk.
fn take_record(chunk: &mut Bytes) -> Result<Option<TakenRecord>, &'static str> {
    let Some(size) = first_length(chunk).filter(|size| *size <= chunk.len()) else { return Ok(None) };
    let record = chunk.split_to(size);
    let time = record.get(4..12).and_then(|bytes| bytes.try_into().ok()).map(i64::from_le_bytes).unwrap_or_default();
    let hash = record.get(12..HEADER).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let row = record.slice(HEADER..);
    if hash != Some(hash_of(time, &row)) {
        return Err("a record is not as it was written");
    }
    Ok(Some(TakenRecord { time, row, size: size as u64 }))
}

/// The length of the first record with its header, if that much is there.
fn first_length(chunk: &[u8]) -> Option<usize> {
    let (length, _) = chunk.split_first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*length)).ok()?.checked_add(HEADER)
}

fn write_record(row: &[u8], time: i64, out: &mut Vec<u8>) {
    // Requests are far smaller than what fits.
    out.extend_from_slice(&u32::try_from(row.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&time.to_le_bytes());
    out.extend_from_slice(&hash_of(time, row).to_le_bytes());
    out.extend_from_slice(row);
}

fn hash_of(time: i64, row: &[u8]) -> u64 {
    let mut hasher = XxHash64::with_seed(0);
    hasher.write(&time.to_le_bytes());
    hasher.write(row);
    hasher.finish()
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

fn read_chunk(file: &File, from: u64, length: usize) -> io::Result<Bytes> {
    let mut chunk = BytesMut::zeroed(length);
    file.read_exact_at(&mut chunk, from)?;
    Ok(chunk.freeze())
}

/// Takes away what is not whole at a file's end; its length then.
fn cut_tail(path: &Path) -> Result<u64, ConnectorError> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(ConnectorError::file(path))?;
    let length = file.metadata().map_err(ConnectorError::file(path))?.len();
    let mut whole = 0;
    while whole < length {
        let mut size = usize::try_from(length - whole).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = read_chunk(&file, whole, size).map_err(ConnectorError::file(path))?;
        if let Some(longer) = first_length(&chunk).filter(|longer| *longer > size && *longer as u64 <= length - whole) {
            size = longer;
            chunk = read_chunk(&file, whole, size).map_err(ConnectorError::file(path))?;
        }
        let before = whole;
        while let Ok(Some(record)) = take_record(&mut chunk) {
            whole += record.size;
        }
        if whole == before {
            break;
        }
    }
    if whole < length {
        file.set_len(whole).and_then(|()| file.sync_all()).map_err(ConnectorError::file(path))?;
    }
    Ok(whole)
}

fn append_to(path: &Path) -> Result<File, ConnectorError> {
    // What is in it is for few eyes.
    OpenOptions::new().append(true).create(true).mode(0o600).open(path).map_err(ConnectorError::file(path))
}

fn path_of(folder: &Path, base: u64) -> PathBuf {
    folder.join(format!("{base:020}.log"))
}

fn bases_in(folder: &Path) -> io::Result<VecDeque<u64>> {
    let mut bases = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        bases
            .extend(name.to_str().and_then(|name| name.strip_suffix(".log")).and_then(|stem| stem.parse::<u64>().ok()));
    }
    bases.sort_unstable();
    Ok(bases.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Full, Log, Reader};
    use crate::stream::Delivery;

    fn read(log: &Log, reader: &mut Reader) -> Vec<String> {
        let mut delivery = Delivery::default();
        loop {
            let before = delivery.messages.len();
            reader.read(log, 3, &mut delivery).unwrap();
            if delivery.messages.len() == before {
                break;
            }
        }
        let rows = delivery.messages.iter().map(|message| String::from_utf8(message.payload.to_vec()).unwrap());
        rows.collect()
    }

    #[tokio::test]
    async fn what_was_answered_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let (log, mut reader) = Log::open(folder.path(), 1 << 20, None, false).unwrap();
        log.append(&[b"one", b"two"]).await.unwrap();
        log.append(&[b"three", b"four"]).await.unwrap();
        assert_eq!(read(&log, &mut reader), ["one", "two", "three", "four"]);
        drop(log);
        let (log, mut reader) = Log::open(folder.path(), 1 << 20, None, false).unwrap();
        assert_eq!(read(&log, &mut reader).len(), 4);
        let end = reader.position();
        drop(log);
        let (log, mut reader) = Log::open(folder.path(), 1 << 20, Some(end), false).unwrap();
        log.append(&[b"five"]).await.unwrap();
        assert_eq!(read(&log, &mut reader), ["five"]);
    }

    #[tokio::test]
    async fn a_full_log_refuses_until_something_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (log, mut reader) = Log::open(folder.path(), 100, None, false).unwrap();
        log.append(&[&[b'x'; 60]]).await.unwrap();
        assert_eq!(log.append(&[&[b'y'; 60]]).await, Err(Full::Behind));
        assert_eq!(read(&log, &mut reader).len(), 1);
        log.forget_before(reader.position()).unwrap();
        log.append(&[&[b'y'; 60]]).await.unwrap();
    }

    #[tokio::test]
    async fn a_log_that_was_lost_uses_no_number_twice() {
        let folder = tempfile::tempdir().unwrap();
        let (log, mut reader) = Log::open(folder.path(), 1 << 20, Some(5000), false).unwrap();
        log.append(&[b"one"]).await.unwrap();
        assert!(!reader.is_whole());
        assert_eq!((reader.position(), read(&log, &mut reader).len()), (5000, 1));
        drop(log);
        let (_, reader) = Log::open(folder.path(), 1 << 20, None, false).unwrap();
        assert_eq!((reader.position(), reader.is_whole()), (5000, true));
    }

    proptest! {
        /// Wherever a crash cuts the file, whole records stay, and new ones come after them.
        #[test]
        fn a_tail_that_was_cut_is_taken_away(cut in 0_u64..200, junk in prop::collection::vec(any::<u8>(), 0..40)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let folder = tempfile::tempdir().unwrap();
                let (log, _) = Log::open(folder.path(), 1 << 20, None, false).unwrap();
                for row in 0..5 {
                    log.append(&[format!("row {row}").as_bytes()]).await.unwrap();
                }
                drop(log);
                let path = super::path_of(folder.path(), 0);
                let mut bytes = std::fs::read(&path).unwrap();
                bytes.truncate(usize::try_from(cut).unwrap());
                let whole = bytes.len() / 25;
                bytes.extend(&junk);
                std::fs::write(&path, bytes).unwrap();
                let (log, mut reader) = Log::open(folder.path(), 1 << 20, None, false).unwrap();
                log.append(&[b"after"]).await.unwrap();
                let mut expected: Vec<String> = (0..whole).map(|row| format!("row {row}")).collect();
                expected.push("after".to_owned());
                prop_assert_eq!(read(&log, &mut reader), expected);
                Ok(())
            })?;
        }
    }
}
