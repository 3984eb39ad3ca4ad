//! What has become of a source's rows, counted, and how far it is.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How the stream of a source is doing; one writes, many look.
#[derive(Debug, Default)]
pub struct SourceStatus {
    pub(crate) rows: AtomicU64,
    pub(crate) replaced: AtomicU64,
    pub(crate) duplicates: AtomicU64,
    pub(crate) outdated: AtomicU64,
    pub(crate) covered: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) future: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) dropped: AtomicU64,
    pub(crate) warned: AtomicU64,
    pub(crate) set_aside: AtomicU64,
    pub(crate) gone: AtomicU64,
    watermark: AtomicI64,
    has_watermark: AtomicBool,
    is_violated: AtomicBool,
    is_caught_up: AtomicBool,
    error: Mutex<Option<String>>,
}

/// The numbers of a [`SourceStatus`] at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows that counted, later versions included.
    pub rows: u64,
    /// Rows that took the place of an earlier version.
    pub replaced: u64,
    /// Rows that were there already, word for word.
    pub duplicates: u64,
    /// Versions that were known before the one that is there.
    pub outdated: u64,
    /// Rows that history has already.
    pub covered: u64,
    /// Rows beyond the declared lateness; they are kept aside.
    pub late: u64,
    /// Rows whose time lies too far ahead; they are kept aside.
    pub future: u64,
    /// Messages that are no rows; they are kept aside.
    pub malformed: u64,
    /// Rows that `else drop` left out.
    pub dropped: u64,
    /// Rows that stay although they do not meet an expectation.
    pub warned: u64,
    /// Rows that do not meet an expectation and are kept aside.
    pub set_aside: u64,
    /// Places of rows that had left every window's reach already.
    pub gone: u64,
}

impl SourceStatus {
    /// The numbers now.
    pub fn counts(&self) -> Counts {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Counts {
            rows: get(&self.rows),
            replaced: get(&self.replaced),
            duplicates: get(&self.duplicates),
            outdated: get(&self.outdated),
            covered: get(&self.covered),
            late: get(&self.late),
            future: get(&self.future),
            malformed: get(&self.malformed),
            dropped: get(&self.dropped),
            warned: get(&self.warned),
            set_aside: get(&self.set_aside),
            gone: get(&self.gone),
        }
    }

    /// The instant before which no row comes any more but late ones, in microseconds since 1970.
    pub fn watermark(&self) -> Option<i64> {
        self.has_watermark.load(Ordering::Acquire).then(|| self.watermark.load(Ordering::Relaxed))
    }

    /// Whether some row came that would have stopped a run.
    pub fn is_violated(&self) -> bool {
        self.is_violated.load(Ordering::Relaxed)
    }

    /// Whether all that there was has been delivered once.
    pub fn is_caught_up(&self) -> bool {
        self.is_caught_up.load(Ordering::Relaxed)
    }

    /// What keeps the stream from going on at the moment.
    pub fn error(&self) -> Option<String> {
        self.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn add(&self, number: &AtomicU64, count: usize) {
        number.fetch_add(count as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_watermark(&self, watermark: Option<i64>) {
        if let Some(watermark) = watermark {
            self.watermark.store(watermark, Ordering::Relaxed);
            self.has_watermark.store(true, Ordering::Release);
        }
    }

    pub(crate) fn violate(&self) {
        self.is_violated.store(true, Ordering::Relaxed);
    }

    pub(crate) fn catch_up(&self) {
        self.is_caught_up.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_error(&self, error: Option<String>) {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}
