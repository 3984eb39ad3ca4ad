//! A profile in the making, beside the rows that are being read.

use arrow::array::RecordBatch;
use mlsys_plan::Source;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Profile;
use crate::error::DataError;

/// Batches that may wait to be profiled.
const WAITING: usize = 4;

/// A profile that is made on a thread of its own, so that reading waits for it only where it is the slower one.
pub(crate) struct Making {
    batches: mpsc::Sender<RecordBatch>,
    worker: JoinHandle<Result<Profile, DataError>>,
}

impl Making {
    /// Begins the profile of a source, inside a tokio runtime.
    pub(crate) fn begin(source: &Source) -> Self {
        let (batches, mut waiting) = mpsc::channel::<RecordBatch>(WAITING);
        let mut profile = Profile::new(source);
        let worker = tokio::task::spawn_blocking(move || {
            while let Some(batch) = waiting.blocking_recv() {
                profile.update(&batch)?;
            }
            Ok(profile)
        });
        Making { batches, worker }
    }

    /// Hands rows over.
    pub(crate) async fn add(&self, rows: &RecordBatch) {
        // Nobody listens any more after a failure, of which `finish` tells.
        let _ = self.batches.send(rows.clone()).await;
    }

    /// Waits until every row is in the profile.
    ///
    /// # Errors
    /// As [`Profile::update`].
    pub(crate) async fn finish(self) -> Result<Profile, DataError> {
        drop(self.batches);
        let stopped = |error| DataError::internal(format!("a profile was not made: {error}"));
        self.worker.await.map_err(stopped)?
    }
}
