//! The prediction log: every answer with what it was asked and what was looked up, as Parquet, behind the requests' backs.
//!
//! Answers wait in a queue of a fixed length; when it is full, answers are dropped and counted, and no request waits. A
//! thread writes them to files that are complete when they have their names: `NAME.parquet` appears by a rename, and what
//! begins with a dot is being written.
//!
//! The columns: `request_id`, `answered_at`, `row`, `model`, `version`, `variant`, `artefact`, `fallback` (the reason, or
//! nothing), `error`, `latency_us`; then the request's columns, the features and the outputs by their own names. Where a name
//! is there already, `input_`, `feature_` or `output_` is put before it. Labels are joined by the request's columns later.

mod columns;
mod hashing;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arrow::array::RecordBatch;

use crate::answer::Answer;
use crate::request_id::RequestId;

/// Where and how answers are kept.
#[derive(Clone)]
pub struct LogOptions {
    /// The folder of the files; it is made if it is not there.
    pub folder: PathBuf,
    /// How many answers may wait to be written.
    pub queue: usize,
    /// How many rows a file has at most, one request more or less.
    pub rows: usize,
    /// How long rows wait at most until their file is complete.
    pub age: Duration,
    /// Columns that are left out.
    pub hidden: Vec<String>,
    /// Columns of which a keyed hash is written.
    pub hashed: Vec<String>,
    /// The key of the hashes. With another key, equal values cannot be told.
    pub hash_key: Vec<u8>,
}

impl LogOptions {
    /// A log in a folder, with the usual limits.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        LogOptions {
            folder: folder.into(),
            queue: 16_384,
            rows: 100_000,
            age: Duration::from_secs(60),
            hidden: Vec::new(),
            hashed: Vec::new(),
            hash_key: Vec::new(),
        }
    }
}

/// An answer to be kept.
pub(crate) struct Entry {
    pub(crate) rows: RecordBatch,
    pub(crate) answer: Answer,
    pub(crate) id: RequestId,
    pub(crate) latency: Duration,
    /// Microseconds since 1970.
    pub(crate) at: i64,
}

/// A prediction log.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

struct Shared {
    entries: Mutex<Option<SyncSender<Entry>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    failures: Arc<AtomicU64>,
    drawn: AtomicU64,
}

impl Log {
    /// Opens a log; a thread writes it from now on.
    ///
    /// # Errors
    /// The folder cannot be made, or the thread cannot be started.
    pub fn open(options: LogOptions) -> io::Result<Self> {
        std::fs::create_dir_all(&options.folder)?;
        let (entries, received) = sync_channel(options.queue.max(1));
        let failures = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&failures);
        let write = move || run(writer::Writer::new(options), &received, &counted);
        let writer = std::thread::Builder::new().name("prediction-log".to_owned()).spawn(write)?;
        Ok(Log(Arc::new(Shared {
            entries: Mutex::new(Some(entries)),
            writer: Mutex::new(Some(writer)),
            failures,
            drawn: AtomicU64::new(0),
        })))
    }

    /// How many files could not be written.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Writes what is waiting, and nothing any more.
    pub async fn close(&self) {
        self.0.entries.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // It ends because nothing can be sent to it any more.
            let _ = tokio::task::spawn_blocking(move || writer.join()).await;
        }
    }

    /// Whether the next answer is one of the share that is kept: evenly spread, the first one always.
    pub(crate) fn samples(&self, share: f64) -> bool {
        let drawn = self.0.drawn.fetch_add(1, Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "requests are counted, not measured")]
        let (before, after) = ((drawn as f64 * share).ceil(), ((drawn + 1) as f64 * share).ceil());
        after > before
    }

    /// Gives an answer to the log; false if there is no room for it.
    pub(crate) fn push(&self, entry: Entry) -> bool {
        let entries = self.0.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.as_ref().is_some_and(|entries| entries.try_send(entry).is_ok())
    }
}

/// Takes entries until nobody can send any more.
fn run(mut writer: writer::Writer, entries: &Receiver<Entry>, failures: &AtomicU64) {
    let count = |written: io::Result<()>| {
        if written.is_err() {
            failures.fetch_add(1, Ordering::Relaxed);
        }
    };
    loop {
        match entries.recv_timeout(writer.time_left()) {
            Ok(entry) => count(writer.push(entry)),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => count(writer.flush()),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    count(writer.flush());
}
