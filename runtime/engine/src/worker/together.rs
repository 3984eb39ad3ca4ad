//! Several workers that train one model together.

use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use mlsys_plan::Node;
use mlsys_training::TrainEvent;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::{Task, ended, lost, read_tail, start};
use crate::error::RunError;
use crate::event::{Event, Observer};

/// Where the workers of one machine meet: rank 0 takes a free port there, and tells it.
const MEETING: &str = "127.0.0.1:0";

/// How long workers wait for each other, in seconds: one that is gone is noticed at once, so that this is for one that
/// hangs, and longer than any judging takes.
const PATIENCE: &str = "3600";

/// How long the others have, after one has failed, to say what they know of it.
const GRACE: Duration = Duration::from_secs(5);

/// The code of failures that follow from those of another worker.
const LOST: &str = "E0923";

/// News of a worker.
enum News {
    Event(TrainEvent),
    Ended(Option<Failure>),
}

/// How a worker failed.
struct Failure {
    /// How near it is to the cause: one that was killed, one that failed by itself, one that lost another.
    distance: u8,
    rank: u32,
    error: RunError,
}

/// Workers at work: each is followed by a task of its own, and ended when this is dropped.
struct Workers<'a> {
    worker: &'a Path,
    job: &'a Path,
    count: u32,
    following: JoinSet<()>,
    tell: Sender<News>,
}

/// Runs so many workers on one training until it is done. If one fails the others are ended, and its failure is the
/// training's.
pub(crate) async fn train_together(
    count: u32,
    worker: &Path,
    job: &Path,
    node: &Node,
    observer: Observer<'_>,
) -> Result<(), RunError> {
    let (tell, told) = channel(64);
    let mut workers = Workers { worker, job, count, following: JoinSet::new(), tell };
    workers.start(0, MEETING)?;
    let failures = workers.listen(told, node, observer).await;
    workers.following.shutdown().await;
    let cause = failures?.into_iter().min_by_key(|failure| (failure.distance, failure.rank));
    cause.map_or(Ok(()), |failure| Err(failure.error))
}

impl Workers<'_> {
    fn start(&mut self, rank: u32, at: &str) -> Result<(), RunError> {
        let (number, count) = (rank.to_string(), self.count.to_string());
        let place = [
            "--rank",
            &number,
            "--local-rank",
            &number,
            "--world-size",
            &count,
            "--rendezvous",
            at,
            "--timeout",
            PATIENCE,
        ]
        .map(str::to_owned);
        let child = start(Task::Train, self.worker, self.job, &place)?;
        let who = format!("the training worker of rank {rank} of {count}");
        self.following.spawn(follow(child, rank, who, self.tell.clone()));
        Ok(())
    }

    /// Passes on what rank 0 says, and starts the others where it waits for them; how workers failed, if one did.
    async fn listen(
        &mut self,
        mut told: Receiver<News>,
        node: &Node,
        observer: Observer<'_>,
    ) -> Result<Vec<Failure>, RunError> {
        let mut failures = Vec::new();
        let (mut at_work, mut deadline) = (1, None);
        while at_work > 0 {
            let news = match deadline {
                None => told.recv().await,
                Some(deadline) => timeout_at(deadline, told.recv()).await.unwrap_or_default(),
            };
            match news {
                Some(News::Event(TrainEvent::Rendezvous { address })) => {
                    for rank in 1..self.count {
                        self.start(rank, &address)?;
                        at_work += 1;
                    }
                }
                Some(News::Event(event)) => observer(Event::Training { node, event: &event }),
                Some(News::Ended(failure)) => {
                    at_work -= 1;
                    if let Some(failure) = failure {
                        deadline.get_or_insert_with(|| Instant::now() + GRACE);
                        failures.push(failure);
                    }
                }
                None => break,
            }
        }
        Ok(failures)
    }
}

/// Tells what a worker says, and how it ends.
async fn follow(mut child: Child, rank: u32, who: String, tell: Sender<News>) {
    let complaints = child.stderr.take().map(|stderr| tokio::spawn(read_tail(stderr)));
    let mut failure = None;
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            // libtorch may print lines of its own: they are no events.
            let Ok(event) = serde_json::from_str::<TrainEvent>(&line) else { continue };
            if let TrainEvent::Failed { code, message } = event {
                failure = Some(RunError::new(&code, of_rank(rank, &code, message), None));
            } else if tell.send(News::Event(event)).await.is_err() {
                return;
            }
        }
    }
    let status = child.wait().await;
    let complaints = match complaints {
        Some(reading) => reading.await.unwrap_or_default(),
        None => String::new(),
    };
    let failure = how(status, failure, &who, &complaints).map(|(distance, error)| Failure { distance, rank, error });
    // Nobody listens any more if that fails.
    let _ = tell.send(News::Ended(failure)).await;
}

/// How a worker failed, if it did, and how near that is to the cause.
fn how(
    status: std::io::Result<ExitStatus>,
    told: Option<RunError>,
    who: &str,
    complaints: &str,
) -> Option<(u8, RunError)> {
    match (status, told) {
        (_, Some(told)) if told.code == LOST => Some((2, told)),
        (_, Some(told)) => Some((1, told)),
        (Ok(status), None) if status.success() => None,
        (Ok(status), None) => Some((0, ended(who, status, complaints))),
        (Err(error), None) => Some((0, lost(&error.to_string()))),
    }
}

/// A failure with its rank, where it is not told in the name of all.
fn of_rank(rank: u32, code: &str, message: String) -> String {
    if rank == 0 || code == LOST { message } else { format!("rank {rank}: {message}") }
}
