//! Requests are gathered into passes: at most so many rows in a pass, so many passes at once, so many rows waiting, and at
//! most so long a wait for more. The four knobs do not depend on each other.
//!
//! Without a delay a request that finds a pass free begins it where it is, after all others that have come by now have been
//! read: they go with it, as many as fit, since a pass of ten rows takes little more time than one of one. Requests that
//! come meanwhile wait, and the pass that ends hands them to the next one.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use futures::FutureExt;
use futures::future::try_join_all;
use mlsys_plan::{Call, Value};
use tokio::sync::{Notify, oneshot};

use crate::answer::Part;
use crate::current::Current;
use crate::metrics::{DeploymentMetrics, Release};
use crate::scorer::{ScoreError, Scored};

/// How requests are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Knobs {
    /// Rows in one pass.
    pub(crate) most: usize,
    /// How long the first row of a pass waits for more.
    pub(crate) delay: Duration,
    /// Rows that may wait.
    pub(crate) queue: usize,
    /// Passes at once.
    pub(crate) parallel: usize,
}

impl Default for Knobs {
    fn default() -> Self {
        Knobs { most: 64, delay: Duration::ZERO, queue: 1_000, parallel: 1 }
    }
}

impl Knobs {
    /// The knobs of `batch(max: …, delay: …, queue: …, parallel: …)`.
    pub(crate) fn of(call: Option<&Call>) -> Self {
        let mut knobs = Knobs::default();
        let Some(call) = call else { return knobs };
        let at_least_one = |name: &str, default: usize| call.count(name).unwrap_or(default).max(1);
        knobs.most = at_least_one("max", knobs.most);
        knobs.queue = at_least_one("queue", knobs.queue);
        knobs.parallel = at_least_one("parallel", knobs.parallel);
        if let Some(Value::Duration(micros)) = call.args.get("delay") {
            knobs.delay = Duration::from_micros(u64::try_from(*micros).unwrap_or(0));
        }
        knobs
    }
}

/// Why rows were not scored.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No more rows may wait.
    Full,
    /// The scorer failed.
    Score(ScoreError),
}

/// The passes of a deployment.
#[derive(Clone)]
pub(crate) struct Passes(Arc<Shared>);

struct Shared {
    knobs: Knobs,
    current: ArcSwap<Current>,
    metrics: DeploymentMetrics,
    state: Mutex<State>,
    /// Somebody who waits for a full pass has one, or must not wait any longer.
    hurry: Notify,
    stopping: AtomicBool,
}

#[derive(Default)]
struct State {
    running: usize,
    waiting: VecDeque<Item>,
    rows: usize,
}

/// Rows that wait, at most as many as fit into a pass.
struct Item {
    rows: RecordBatch,
    since: Instant,
    reply: oneshot::Sender<Reply>,
}

type Reply = Result<(Arc<Current>, Part), Failure>;

impl Passes {
    pub(crate) fn new(knobs: Knobs, current: Current, metrics: DeploymentMetrics) -> Self {
        Passes(Arc::new(Shared {
            knobs,
            current: ArcSwap::from_pointee(current),
            metrics,
            state: Mutex::default(),
            hurry: Notify::new(),
            stopping: AtomicBool::new(false),
        }))
    }

    /// The version that answers now.
    pub(crate) fn current(&self) -> Arc<Current> {
        self.0.current.load_full()
    }

    /// Lets another version answer from the next pass on.
    pub(crate) fn replace(&self, current: Current) {
        self.0.current.store(Arc::new(current));
    }

    /// Lets nobody wait for more rows any longer.
    pub(crate) fn stop(&self) {
        self.0.stopping.store(true, Ordering::Release);
        self.0.hurry.notify_waiters();
    }

    /// Scores rows, together with others or not. More rows than fit into a pass are split; all parts are of the version
    /// that scored the first.
    ///
    /// # Errors
    /// Too much is waiting, or the scorer failed.
    pub(crate) async fn score(&self, rows: RecordBatch) -> Result<(Arc<Current>, Vec<Part>), Failure> {
        let most = self.0.knobs.most;
        if rows.num_rows() <= most {
            let (current, part) = self.score_one(rows).await?;
            return Ok((current, vec![part]));
        }
        if rows.num_rows() - most > self.0.knobs.queue {
            return Err(Failure::Full);
        }
        loop {
            let starts = (0..rows.num_rows()).step_by(most);
            let slices = starts.map(|start| rows.slice(start, most.min(rows.num_rows() - start)));
            let scored = try_join_all(slices.map(|slice| self.score_one(slice))).await?;
            let (versions, parts): (Vec<_>, Vec<_>) = scored.into_iter().unzip();
            let first = Arc::clone(&versions[0]);
            // An answer is of one version: if another one came between, all rows are scored again.
            if versions.iter().all(|version| Arc::ptr_eq(version, &first)) {
                return Ok((first, parts));
            }
        }
    }

    async fn score_one(&self, rows: RecordBatch) -> Reply {
        let (reply, begins) = {
            let mut state = self.0.lock();
            let free = state.running < self.0.knobs.parallel;
            let begins = free && state.waiting.is_empty() && self.0.knobs.delay.is_zero();
            let reply = self.0.enqueue(&mut state, rows, free && !begins)?;
            state.running += usize::from(begins);
            (reply, begins)
        };
        if begins {
            let pass = Pass(&self.0);
            tokio::task::yield_now().await;
            let items = self.0.lock().take(self.0.knobs.most);
            if !items.is_empty() {
                self.0.pass(items, Release::Idle).await;
            }
            drop(pass);
        }
        reply.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> Failure {
    Failure::Score(ScoreError::Unavailable("the server is stopping".to_owned()))
}

/// A pass in the task of a request. When it ends, even because the caller has gone, those who wait have their turn.
struct Pass<'a>(&'a Arc<Shared>);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let runtime = tokio::runtime::Handle::try_current();
        match runtime {
            Ok(runtime) if !state.waiting.is_empty() => {
                runtime.spawn(Arc::clone(self.0).passes());
            }
            _ => state.running -= 1,
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets rows wait; begins a pass for them if one is free.
    fn enqueue(
        self: &Arc<Self>,
        state: &mut State,
        rows: RecordBatch,
        free: bool,
    ) -> Result<oneshot::Receiver<Reply>, Failure> {
        if state.rows + rows.num_rows() > self.knobs.queue {
            return Err(Failure::Full);
        }
        let (reply, receiver) = oneshot::channel();
        state.rows += rows.num_rows();
        state.waiting.push_back(Item { rows, since: Instant::now(), reply });
        if free {
            state.running += 1;
            tokio::spawn(Arc::clone(self).passes());
        } else if state.rows >= self.knobs.most {
            self.hurry.notify_one();
        }
        Ok(receiver)
    }

    /// One pass after the other, until nobody waits.
    async fn passes(self: Arc<Self>) {
        loop {
            // What has come by now is read first.
            tokio::task::yield_now().await;
            let release = self.gather().await;
            let items = {
                let mut state = self.lock();
                let items = state.take(self.knobs.most);
                if items.is_empty() && state.waiting.is_empty() {
                    state.running -= 1;
                    return;
                }
                items
            };
            if !items.is_empty() {
                self.pass(items, release).await;
            }
        }
    }

    /// Waits until a pass is full, or its first rows have waited long enough.
    async fn gather(&self) -> Release {
        loop {
            let hurry = self.hurry.notified();
            let (rows, since) = {
                let state = self.lock();
                (state.rows, state.waiting.front().map(|item| item.since))
            };
            let stopping = self.stopping.load(Ordering::Acquire);
            let left = since.map_or(Duration::ZERO, |since| self.knobs.delay.saturating_sub(since.elapsed()));
            if rows >= self.knobs.most {
                return Release::Full;
            } else if stopping {
                return Release::Shutdown;
            } else if self.knobs.delay.is_zero() {
                return Release::Idle;
            } else if left.is_zero() {
                return Release::Delay;
            }
            // Either way, the question is asked again.
            let _ = tokio::time::timeout(left, hurry).await;
        }
    }

    /// Scores what was gathered, and replies to everybody.
    async fn pass(&self, items: Vec<Item>, release: Release) {
        let count: usize = items.iter().map(|item| item.rows.num_rows()).sum();
        self.metrics.released(release, count);
        items.iter().for_each(|item| self.metrics.waited(item.since.elapsed()));
        let current = self.current.load_full();
        let together = match items.as_slice() {
            [item] => Ok(item.rows.clone()),
            items => concat_batches(&items[0].rows.schema(), items.iter().map(|item| &item.rows)),
        };
        let scored = match together {
            Ok(rows) => score(&current, rows).await,
            Err(error) => Err(ScoreError::Failed(error.to_string())),
        };
        match scored {
            Ok(scored) => reply(&current, &scored, items),
            // One of them may have made all fail: each is asked for by itself.
            Err(ScoreError::Failed(_)) if items.len() > 1 => {
                for Item { rows, reply, .. } in items {
                    let _ = reply.send(self.run_one(rows).await);
                }
            }
            Err(error) => {
                for item in items {
                    let _ = item.reply.send(Err(Failure::Score(error.clone())));
                }
            }
        }
    }

    async fn run_one(&self, rows: RecordBatch) -> Reply {
        let current = self.current.load_full();
        let count = rows.num_rows();
        let scored = score(&current, rows).await.map_err(Failure::Score)?;
        Ok((current, Part { scored, rows: 0..count, fallback: None }))
    }
}

/// Gives everybody their rows of a pass. Those who do not wait any longer do not matter.
fn reply(current: &Arc<Current>, scored: &Arc<Scored>, items: Vec<Item>) {
    let mut start = 0;
    for item in items {
        let end = start + item.rows.num_rows();
        let part = Part { scored: Arc::clone(scored), rows: start..end, fallback: None };
        let _ = item.reply.send(Ok((Arc::clone(current), part)));
        start = end;
    }
}

impl State {
    /// What waits, from the front, as far as it fits into a pass. Rows that nobody waits for any longer are left out.
    fn take(&mut self, most: usize) -> Vec<Item> {
        let (mut items, mut rows) = (Vec::new(), 0);
        while let Some(item) = self.waiting.front() {
            let count = item.rows.num_rows();
            let wanted = !item.reply.is_closed();
            if wanted && rows + count > most {
                break;
            }
            self.rows -= count;
            let item = self.waiting.pop_front();
            if wanted {
                rows += count;
                items.extend(item);
            }
        }
        items
    }
}

/// Asks a scorer; a panic in it is its failure and nobody else's, and so is an answer with another number of rows.
pub(crate) async fn score(current: &Current, rows: RecordBatch) -> Result<Arc<Scored>, ScoreError> {
    score_by(current.scorer.as_ref(), rows).await
}

/// As [`score`], of any scorer.
pub(crate) async fn score_by(scorer: &dyn crate::Scorer, rows: RecordBatch) -> Result<Arc<Scored>, ScoreError> {
    let count = rows.num_rows();
    let scored = AssertUnwindSafe(scorer.score(rows, now())).catch_unwind().await;
    let scored = scored.unwrap_or_else(|_| Err(ScoreError::Failed("the model's code panicked".to_owned())))?;
    if scored.predictions.num_rows() != count {
        let reason = format!("{} answers came for {count} rows", scored.predictions.num_rows());
        return Err(ScoreError::Failed(reason));
    }
    Ok(Arc::new(scored))
}

/// The time in microseconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
