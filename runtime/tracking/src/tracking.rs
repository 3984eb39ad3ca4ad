//! The way of news from a run to a server: a queue, a task beside the run, and a bounded end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::news::News;
use crate::pace::Pace;
use crate::queue::Queue;
use crate::report::{Outcome, TrackingReport};
use crate::spool::Spool;
use crate::tracker::{Tracker, Trouble};

/// How many refusals are remembered.
const MOST_REFUSALS: usize = 100;

/// Takes news and sends them while the run goes on. Dropping it keeps what was not sent for the next run.
#[derive(Debug)]
pub struct Tracking {
    shared: Arc<Shared>,
    /// The task that sends; none once it was ended.
    sender: Mutex<Option<JoinHandle<()>>>,
    server: String,
    spool: Spool,
    pace: Pace,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something came, or the end.
    came: Notify,
    /// The end came.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: Queue,
    trouble: Option<Trouble>,
    refusals: Vec<String>,
    ended: bool,
}

impl Tracking {
    /// Begins to send, first what an earlier run has left in the spool. Called within a tokio runtime.
    pub fn begin(tracker: Box<dyn Tracker>, spool: Spool, pace: Pace) -> Self {
        let (server, shared) = (tracker.address(), Arc::new(Shared::default()));
        spool.take().into_iter().for_each(|news| shared.lock().queue.push(news));
        let sender = tokio::spawn(send_all(Arc::clone(&shared), tracker, pace));
        Tracking { shared, sender: Mutex::new(Some(sender)), server, spool, pace }
    }

    /// Tells something. Never waits.
    pub fn tell(&self, news: News) {
        self.shared.lock().queue.push(news);
        self.shared.came.notify_one();
    }

    /// Sends what is waiting, within bounds of time, and keeps the rest for the next run.
    pub async fn end(&self) -> TrackingReport {
        let Some(mut sender) = self.sender() else { return TrackingReport::default() };
        let bytes: u64 = self.shared.lock().queue.waiting().map(News::bytes).sum();
        let budget = self.pace.flush + self.pace.of_bytes(bytes);
        self.shared.end();
        if tokio::time::timeout(budget, &mut sender).await.is_err() {
            sender.abort();
            let reason = format!("it did not take everything within {} s", budget.as_secs().max(1));
            self.shared.lock().trouble.get_or_insert_with(|| Trouble::away(reason));
        }
        self.conclude().report(self.server.clone())
    }

    fn sender(&self) -> Option<JoinHandle<()>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What became of everything; the rest is in the spool afterwards.
    fn conclude(&self) -> Outcome {
        let mut state = self.shared.lock();
        let unsent: Vec<News> = state.queue.waiting().cloned().collect();
        let kept = (!unsent.is_empty()).then(|| self.spool.keep(&unsent).map(|()| self.spool.path().to_path_buf()));
        self.spool.done();
        let help = |trouble: Trouble| match &trouble {
            Trouble::Closed { help, .. } => format!("{trouble} ({help})"),
            _ => trouble.to_string(),
        };
        Outcome {
            trouble: state.trouble.take().map(help),
            unsent,
            kept,
            refusals: std::mem::take(&mut state.refusals),
            thinned: state.queue.thinned,
        }
    }
}

impl Drop for Tracking {
    fn drop(&mut self) {
        if let Some(sender) = self.sender() {
            sender.abort();
            self.conclude();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.lock().ended = true;
        self.came.notify_one();
        self.ended.notify_one();
    }

    /// What was on its way is settled: it arrived, or the server does not want it.
    fn settle(&self, refusals: impl Iterator<Item = String>) {
        let mut state = self.lock();
        state.queue.sent();
        state.trouble = None;
        let room = MOST_REFUSALS.saturating_sub(state.refusals.len());
        state.refusals.extend(refusals.take(room));
    }

    /// Waits until it is worth while to send again; false if it is not any more.
    async fn wait_after(&self, trouble: Trouble, away: Duration) -> bool {
        let is_closed = matches!(trouble, Trouble::Closed { .. });
        let was_ended = {
            let mut state = self.lock();
            state.trouble = Some(trouble);
            state.ended
        };
        if was_ended {
            return false;
        }
        if is_closed {
            self.ended.notified().await;
            return false;
        }
        // The end of the run is one more attempt.
        let _ = tokio::time::timeout(away, self.ended.notified()).await;
        true
    }
}

/// Sends what comes until the end.
async fn send_all(shared: Arc<Shared>, mut tracker: Box<dyn Tracker>, pace: Pace) {
    loop {
        let (next, ended) = {
            let mut state = shared.lock();
            (state.queue.next(), state.ended)
        };
        if next.is_empty() {
            if ended {
                return;
            }
            shared.came.notified().await;
            continue;
        }
        match tracker.send(&next).await {
            Ok(refusals) => shared.settle(refusals.into_iter().map(|refusal| refusal.0)),
            Err(refused @ Trouble::Refused { .. }) => shared.settle(std::iter::once(refused.to_string())),
            Err(trouble) => {
                if !shared.wait_after(trouble, pace.away).await {
                    return;
                }
            }
        }
    }
}
