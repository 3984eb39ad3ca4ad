//! The job that takes one stream: messages in, rows of entities out, positions committed with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use mlsys_connectors::{
    Change, Decoder, Delivery, Environment, Malformed, Message, Opening, Partition, Quarantine, QuarantineLimits,
    Start, Stream, open_stream,
};
use tokio::sync::watch;

use crate::clock;
use crate::error::LiveError;
use crate::intake::{Arrived, Counted, Intake, Outcome};
use crate::live::Live;
use crate::status::SourceStatus;

/// Messages that are taken at once.
const MOST: usize = 8_192;

/// How long a stream without messages is waited for.
const WAIT: Duration = Duration::from_millis(50);

/// The time until what failed is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// Who wants the rows of a source as they count, such as a deployment that scores them.
#[async_trait]
pub trait Follower: Send + Sync {
    /// Takes rows with the source's columns, and answers when what comes of them is safe. Rows may come again after a crash.
    ///
    /// # Errors
    /// They cannot be passed on at the moment; they are offered again.
    async fn rows(&self, rows: &RecordBatch) -> Result<(), LiveError>;
}

/// What a job works with.
#[derive(Clone)]
pub struct JobOptions<'a> {
    /// The project's folder, which paths in the program are relative to.
    pub project: &'a Path,
    /// A folder of the stream's own.
    pub folder: &'a Path,
    /// The folder of messages and rows that were kept aside.
    pub quarantine: PathBuf,
    /// The settings of its connector in the profile.
    pub settings: &'a BTreeMap<String, String>,
    /// The environment, which holds secrets.
    pub environment: Environment<'a>,
    /// Who wants the rows.
    pub followers: Vec<Arc<dyn Follower>>,
}

/// The stream of a source at work.
pub struct Job {
    source: String,
    stream: Box<dyn Stream>,
    decoder: Decoder,
    intake: Intake,
    aside: Aside,
    status: Arc<SourceStatus>,
}

/// Keeps rows aside, and passes those that count on.
struct Aside {
    quarantine: Quarantine,
    followers: Vec<Arc<dyn Follower>>,
    /// The messages that the rows of a delivery are of.
    messages: Vec<Message>,
    status: Arc<SourceStatus>,
}

impl Job {
    /// Opens the stream of a source.
    ///
    /// # Errors
    /// The source has no stream or feeds no group; the connector's arguments or settings make no sense.
    pub async fn open(live: &Live, source: &str, options: JobOptions<'_>) -> Result<Self, LiveError> {
        let fed = live.fed(source)?;
        let call = fed.source.stream.as_ref().ok_or_else(|| LiveError::Missing(format!("stream of `{source}`")))?;
        let intake = live.intake(source).await?;
        let decoder = Decoder::new(call, options.settings, options.environment, intake.fields())?;
        let stream = open_stream(&Opening {
            call,
            settings: options.settings,
            environment: options.environment,
            project: options.project,
            folder: options.folder,
        })?;
        let quarantine = Quarantine::open(&options.quarantine, QuarantineLimits::default())?;
        let status = Arc::clone(&fed.status);
        let aside =
            Aside { quarantine, followers: options.followers, messages: Vec::new(), status: Arc::clone(&status) };
        Ok(Job { source: source.to_owned(), stream, decoder, intake, aside, status })
    }

    /// Takes messages until it is told to stop, and commits what it has then.
    ///
    /// # Errors
    /// The store or this machine's disk does not take what came: what is not stored is lost to this process, and not to the
    /// stream. See [`Live::reset`].
    pub async fn run(&mut self, live: &Live, mut stop: watch::Receiver<bool>) -> Result<(), LiveError> {
        while !*stop.borrow() {
            let next = tokio::select! {
                biased;
                _ = stop.changed() => break,
                next = self.stream.next(MOST, WAIT) => next,
            };
            match next {
                Ok(delivery) => self.deliver(live, delivery, &mut stop).await?,
                // Somebody may mend it while this goes on.
                Err(error) => self.wait_out(&error.to_string(), &mut stop).await,
            }
            self.acknowledge(live).await?;
        }
        live.commit().await?;
        self.acknowledge(live).await?;
        self.stream.close().await;
        Ok(())
    }

    /// Takes what came, again and again until it could be.
    async fn deliver(
        &mut self,
        live: &Live,
        delivery: Delivery,
        stop: &mut watch::Receiver<bool>,
    ) -> Result<(), LiveError> {
        let Delivery { messages, malformed, next, changes } = delivery;
        if !messages.is_empty() || !malformed.is_empty() {
            let decoded = loop {
                match self.decoder.decode(&messages).await {
                    Ok(decoded) => break decoded,
                    // A schema registry is away; nothing was decoded.
                    Err(error) if error.is_passing() => self.wait_out(&error.to_string(), stop).await,
                    Err(error) => return Err(error.into()),
                }
                if *stop.borrow() {
                    return Ok(());
                }
            };
            self.status.add(&self.status.malformed, malformed.len() + decoded.malformed.len());
            self.aside.quarantine.append(malformed.iter().chain(&decoded.malformed))?;
            let partitions: Vec<Partition> = decoded.sources.iter().map(|index| messages[*index].partition).collect();
            next.iter().for_each(|(partition, _)| self.intake.watermark().hear(partition));
            self.aside.messages = take(messages, &decoded.sources);
            let arrived = Arrived { rows: decoded.rows, partitions };
            let now = i64::try_from(clock::micros()).unwrap_or(i64::MAX);
            self.intake.take(live, &arrived, &next, now, &mut self.aside).await?;
            self.status.set_error(None);
        } else if !next.is_empty() {
            live.ledger().lock().await.go_on(&self.source, &next);
        }
        for change in changes {
            self.change(live, change).await?;
        }
        Ok(())
    }

    async fn change(&mut self, live: &Live, change: Change) -> Result<(), LiveError> {
        match change {
            Change::Assigned(partitions) => {
                for partition in partitions {
                    let position = self.intake.begin(live, partition).await?;
                    let start = match (position, live.wanted_since(&self.source)) {
                        (Some(position), _) => Start::At(position),
                        (None, Some(since)) => Start::Since(since),
                        (None, None) => Start::Beginning,
                    };
                    self.stream.seek(partition, start).await?;
                }
            }
            Change::Revoked(partitions) | Change::Lost(partitions) => {
                // What came of them is in the state already: its positions go with it.
                live.commit().await?;
                partitions.into_iter().for_each(|partition| self.intake.end(partition));
            }
            Change::CaughtUp(partition) => {
                self.intake.watermark().catch_up(partition);
                self.status.catch_up();
            }
            Change::Gap { partition, from, to, reason } => {
                let reason = format!("messages from {from} to {to} are gone: {reason}");
                let gap = Malformed { partition, offset: from, payload: Vec::new().into(), reason: reason.clone() };
                self.aside.quarantine.append([&gap])?;
                self.aside.quarantine.sync()?;
                self.status.set_error(Some(reason));
            }
        }
        Ok(())
    }

    /// Tells the stream how far everything is stored.
    async fn acknowledge(&mut self, live: &Live) -> Result<(), LiveError> {
        match live.newly_committed(&self.source) {
            Some(positions) => Ok(self.stream.taken(&positions).await?),
            None => Ok(()),
        }
    }

    async fn wait_out(&mut self, reason: &str, stop: &mut watch::Receiver<bool>) {
        self.status.set_error(Some(reason.to_owned()));
        let _ = tokio::time::timeout(AGAIN, stop.changed()).await;
    }
}

#[async_trait]
impl Counted for Aside {
    async fn counted(&mut self, rows: &RecordBatch, outcome: &Outcome) -> Result<(), LiveError> {
        let malformed = outcome.set_aside.iter().map(|(row, reason)| {
            let Message { partition, offset, payload, .. } = &self.messages[*row];
            Malformed { partition: *partition, offset: *offset, payload: payload.clone(), reason: reason.clone() }
        });
        self.quarantine.append(&malformed.collect::<Vec<_>>())?;
        self.quarantine.sync()?;
        if rows.num_rows() > 0 {
            for follower in &self.followers {
                while let Err(error) = follower.rows(rows).await {
                    self.status.set_error(Some(error.to_string()));
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        Ok(())
    }
}

/// Some of the messages, in their order.
fn take(messages: Vec<Message>, numbers: &[usize]) -> Vec<Message> {
    if numbers.len() == messages.len() {
        return messages;
    }
    let mut wanted = numbers.iter().peekable();
    let each = messages.into_iter().enumerate();
    each.filter(|(index, _)| wanted.next_if(|number| *number == index).is_some()).map(|(_, message)| message).collect()
}
