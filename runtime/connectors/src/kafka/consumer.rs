//! A topic as a stream: a member of a consumer group whose reader says where partitions begin.
//!
//! librdkafka asks for every assigned and revoked partition and waits until it is settled. That is what makes a reader's
//! own positions the ones that count: a partition is assigned with the reader's position, and given away after the reader
//! has committed. Groups rebalance cooperatively: partitions that stay are read on meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message as _, Offset, TopicPartitionList};

use super::context::{Callbacks, Rebalance};
use super::{NAME, settings};
use crate::connectors::Opening;
use crate::error::ConnectorError;
use crate::health::{Health, Pulse};
use crate::settings::{Settings, argument};
use crate::stream::{Change, Delivery, Malformed, Message, Partition, Positions, Start, Stream};

/// How many bytes one delivery may have, about.
const MOST_BYTES: usize = 16 << 20;

/// How long the cluster may take to say where partitions begin and end.
const PATIENCE: Duration = Duration::from_secs(10);

type Client = StreamConsumer<Callbacks>;

/// Joins a group that reads a topic.
pub(crate) fn open(opening: &Opening<'_>) -> Result<Box<dyn Stream>, ConnectorError> {
    let topic = settings::topic(opening)?;
    let mut own = Settings::new(NAME, opening.settings, opening.environment);
    let mut config = settings::client(opening, &mut own)?;
    let session = own.parsed::<u32>("session_timeout_ms", "milliseconds")?;
    own.finish()?;
    let group = argument(NAME, opening.call, "group", opening.environment)?.unwrap_or_else(|| "mlsys".to_owned());
    config.set("group.id", group).set("session.timeout.ms", session.unwrap_or(45_000).to_string());
    config.set("partition.assignment.strategy", "cooperative-sticky").set("allow.auto.create.topics", "false");
    config.set("enable.auto.commit", "false").set("enable.auto.offset.store", "false");
    // Messages that are gone are told of, not passed over.
    config.set("auto.offset.reset", "error").set("enable.partition.eof", "true");
    // Bounds memory, and fetches again as soon as there is room.
    config.set("queued.max.messages.kbytes", "32768").set("fetch.queue.backoff.ms", "5");
    let pulse = Pulse::default();
    let client: Client = config.create_with_context(Callbacks::new(pulse.clone())).map_err(|error| refused(&error))?;
    client.subscribe(&[&topic]).map_err(|error| refused(&error))?;
    let mut stream = TopicStream::default();
    (stream.client, stream.topic, stream.pulse) = (Some(Arc::new(client)), topic, pulse);
    Ok(Box::new(stream))
}

#[derive(Default)]
struct TopicStream {
    /// None after it was closed.
    client: Option<Arc<Client>>,
    topic: String,
    pulse: Pulse,
    /// Partitions that are read, and where each goes on, as far as that is known.
    owned: BTreeMap<Partition, Option<u64>>,
    /// What the last delivery said, to be settled by the next call.
    unsettled: Option<Rebalance>,
    starts: BTreeMap<Partition, Start>,
    /// Whether messages are gone that a partition was to go on with.
    has_gap: bool,
    /// Gaps that the next delivery tells.
    gaps: Vec<Change>,
    /// What went wrong after messages had come, which are delivered first.
    failure: Option<ConnectorError>,
}

#[async_trait]
impl Stream for TopicStream {
    async fn next(&mut self, most: usize, wait: Duration) -> Result<Delivery, ConnectorError> {
        let Some(client) = self.client.clone() else { return Ok(Delivery::default()) };
        let deadline = tokio::time::Instant::now() + wait;
        self.settle(&client).await?;
        let mut gathered = Gathered::default();
        loop {
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.has_gap {
                self.close_gap(&client).await?;
            }
            gathered.delivery.changes.append(&mut self.gaps);
            if let Some(rebalance) = client.client().context().rebalance() {
                self.tell(rebalance, &mut gathered.delivery);
                return Ok(gathered.finish());
            }
            self.drain(&client, most, &mut gathered);
            if !gathered.is_empty() {
                self.pulse.up();
                return Ok(gathered.finish());
            }
            if self.has_gap || self.failure.is_some() {
                continue;
            }
            if let Some(code) = client.client().context().refusal() {
                self.judge(code)?;
            }
            tokio::select! {
                received = client.recv() => self.gather(received, &mut gathered),
                () = client.client().context().rebalanced.notified() => {}
                () = tokio::time::sleep_until(deadline) => return Ok(gathered.finish()),
            }
        }
    }

    async fn seek(&mut self, partition: Partition, start: Start) -> Result<(), ConnectorError> {
        match &self.unsettled {
            Some(Rebalance::Assign(partitions)) if partitions.contains(&partition) => {
                self.starts.insert(partition, start);
                Ok(())
            }
            _ => {
                let reason = format!("partition {partition} is not assigned");
                Err(ConnectorError::Argument { connector: NAME, argument: "partition".to_owned(), reason })
            }
        }
    }

    async fn taken(&mut self, positions: &Positions) -> Result<(), ConnectorError> {
        let Some(client) = &self.client else { return Ok(()) };
        let mut list = TopicPartitionList::new();
        for (partition, next) in positions.iter().filter(|(partition, _)| self.owned.contains_key(partition)) {
            self.add(&mut list, partition, offset_of(next));
        }
        if list.count() > 0
            && let Err(error) = client.commit(&list, CommitMode::Async)
        {
            // The truth is with the caller; this is for onlookers.
            self.pulse.failed(format!("the group's positions were not taken note of: {error}"));
        }
        Ok(())
    }

    fn health(&self) -> Health {
        self.pulse.read()
    }

    async fn close(&mut self) {
        let Some(client) = self.let_go() else { return };
        // Leaving the group takes a round trip, which librdkafka waits for.
        let _ = tokio::task::spawn_blocking(move || drop(client)).await;
    }
}

impl Drop for TopicStream {
    fn drop(&mut self) {
        if let Some(client) = self.let_go() {
            // As in `close`, where nobody can wait. Where there is no thread to be had, it happens here.
            let _ = std::thread::Builder::new().name("kafka close".to_owned()).spawn(move || drop(client));
        }
    }
}

impl TopicStream {
    /// Ends reading; what was not settled is settled, since librdkafka waits for it before it leaves the group.
    fn let_go(&mut self) -> Option<Arc<Client>> {
        let client = self.client.take()?;
        self.pulse.down();
        client.client().context().close();
        let mut unsettled = self.unsettled.take().or_else(|| client.client().context().rebalance());
        while let Some(rebalance) = unsettled {
            let mut list = TopicPartitionList::new();
            let (Rebalance::Assign(partitions) | Rebalance::Revoke { partitions, .. }) = &rebalance;
            partitions.iter().for_each(|partition| self.add(&mut list, *partition, Offset::End));
            let settled = match rebalance {
                Rebalance::Assign(_) => client.incremental_assign(&list),
                Rebalance::Revoke { .. } => client.incremental_unassign(&list),
            };
            if let Err(error) = settled {
                self.pulse.failed(error.to_string());
            }
            unsettled = client.client().context().rebalance();
        }
        Some(client)
    }

    /// Tells a rebalance; it is settled by the next call.
    fn tell(&mut self, rebalance: Rebalance, delivery: &mut Delivery) {
        let change = match rebalance.clone() {
            Rebalance::Assign(partitions) => Change::Assigned(partitions),
            Rebalance::Revoke { partitions, is_lost: true } => Change::Lost(partitions),
            Rebalance::Revoke { partitions, is_lost: false } => Change::Revoked(partitions),
        };
        delivery.changes.push(change);
        self.unsettled = Some(rebalance);
    }

    /// Takes what is there without waiting.
    fn drain(&mut self, client: &Client, most: usize, gathered: &mut Gathered) {
        while gathered.len() < most.max(1)
            && gathered.bytes.len() < MOST_BYTES
            && !self.has_gap
            && self.failure.is_none()
        {
            let Some(received) = client.recv().now_or_never() else { break };
            self.gather(received, gathered);
        }
    }

    /// Settles what the last delivery said: begins partitions where the reader wants, gives away those it has let go.
    async fn settle(&mut self, client: &Arc<Client>) -> Result<(), ConnectorError> {
        let settled = match self.unsettled.clone() {
            None => return Ok(()),
            Some(Rebalance::Assign(partitions)) => {
                let list = self.placed(client, &partitions).await?;
                for element in list.elements() {
                    // Beginning and end are negative numbers; the first message says the rest.
                    let next = element.offset().to_raw().and_then(|offset| u64::try_from(offset).ok());
                    self.owned.extend(Partition::try_from(element.partition()).ok().map(|partition| (partition, next)));
                }
                client.incremental_assign(&list)
            }
            Some(Rebalance::Revoke { partitions, .. }) => {
                let mut list = TopicPartitionList::new();
                for partition in partitions {
                    self.owned.remove(&partition);
                    self.add(&mut list, partition, Offset::Invalid);
                }
                client.incremental_unassign(&list)
            }
        };
        self.unsettled = None;
        self.starts.clear();
        settled.map_err(|error| away(&error))
    }

    /// Partitions with the places where they begin.
    async fn placed(
        &self,
        client: &Arc<Client>,
        partitions: &[Partition],
    ) -> Result<TopicPartitionList, ConnectorError> {
        let mut list = TopicPartitionList::new();
        let mut since = TopicPartitionList::new();
        for partition in partitions {
            match self.starts.get(partition).copied().unwrap_or(Start::Beginning) {
                Start::Beginning => self.add(&mut list, *partition, Offset::Beginning),
                Start::End => self.add(&mut list, *partition, Offset::End),
                Start::At(next) => self.add(&mut list, *partition, offset_of(next)),
                // Kafka's times are milliseconds; a part of one must not be passed over.
                Start::Since(micros) => {
                    self.add(&mut since, *partition, Offset::Offset(micros.div_euclid(1000).max(0)))
                }
            }
        }
        if since.count() > 0 {
            let client = Arc::clone(client);
            let found = blocking(move || client.offsets_for_times(since, PATIENCE)).await?;
            for element in found.elements() {
                let Ok(partition) = Partition::try_from(element.partition()) else { continue };
                self.add(&mut list, partition, element.offset());
            }
        }
        Ok(list)
    }

    /// Finds the partitions whose next messages are gone, tells of the gap, and goes on after it.
    async fn close_gap(&mut self, client: &Arc<Client>) -> Result<(), ConnectorError> {
        let owned: Vec<_> = self.owned.iter().filter_map(|(partition, next)| Some((*partition, (*next)?))).collect();
        for (partition, next) in owned {
            let (client_of, topic) = (Arc::clone(client), self.topic.clone());
            let number = i32::try_from(partition).unwrap_or(i32::MAX);
            let (low, high) = blocking(move || client_of.fetch_watermarks(&topic, number, PATIENCE)).await?;
            let (low, high) = (u64::try_from(low).unwrap_or_default(), u64::try_from(high).unwrap_or_default());
            if (low..=high).contains(&next) {
                continue;
            }
            // A position beyond the end belongs to a topic of that name that is no more.
            let reason = match next < low {
                true => format!("the topic keeps messages from {low} on"),
                false => format!("the topic ends at {high}: it was made anew"),
            };
            self.pulse.failed(format!("partition {partition}: {reason}"));
            self.gaps.push(Change::Gap { partition, from: next, to: low, reason });
            let mut list = TopicPartitionList::new();
            self.add(&mut list, partition, offset_of(low));
            let moved = client.incremental_unassign(&list).and_then(|()| client.incremental_assign(&list));
            moved.map_err(|error| away(&error))?;
            self.owned.insert(partition, Some(low));
        }
        self.has_gap = false;
        Ok(())
    }

    /// Takes in what librdkafka gave.
    fn gather(&mut self, received: Result<BorrowedMessage<'_>, KafkaError>, gathered: &mut Gathered) {
        let error = match received {
            Ok(message) => return self.take(&message, gathered),
            Err(KafkaError::PartitionEOF(partition)) => {
                let partition = Partition::try_from(partition).ok();
                let partition = partition.filter(|partition| self.owned.contains_key(partition));
                return gathered.delivery.changes.extend(partition.map(Change::CaughtUp));
            }
            Err(error) => error,
        };
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => self.has_gap = true,
            Some(code) => self.failure = self.judge(code).err(),
            None => self.failure = Some(away(&error)),
        }
    }

    fn take(&mut self, message: &BorrowedMessage<'_>, gathered: &mut Gathered) {
        let (Ok(partition), Ok(offset)) = (Partition::try_from(message.partition()), u64::try_from(message.offset()))
        else {
            return;
        };
        // What was fetched before a partition was given away.
        let Some(next) = self.owned.get_mut(&partition) else { return };
        *next = Some(offset + 1);
        if gathered.next.is_some_and(|(last, _)| last != partition) {
            gathered.note();
        }
        gathered.next = Some((partition, offset + 1));
        match message.payload() {
            Some(payload) => {
                let time = message.timestamp().to_millis().and_then(|millis| millis.checked_mul(1000));
                gathered.add(partition, offset, time, payload);
            }
            None => gathered.delivery.malformed.push(Malformed {
                partition,
                offset,
                payload: Bytes::new(),
                reason: "expected a payload, found a message without one".to_owned(),
            }),
        }
    }

    /// Whether an error is somebody's mistake or passes by itself.
    fn judge(&self, code: RDKafkaErrorCode) -> Result<(), ConnectorError> {
        let reason = || self.pulse.reason().unwrap_or_else(|| code.to_string());
        let was_up = self.client.as_ref().is_some_and(|client| client.client().context().was_up());
        let setting = match code {
            RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic => "topic",
            RDKafkaErrorCode::TopicAuthorizationFailed => "topic",
            RDKafkaErrorCode::GroupAuthorizationFailed => "group",
            RDKafkaErrorCode::SaslAuthenticationFailed | RDKafkaErrorCode::UnsupportedSASLMechanism => "sasl_username",
            // After a good beginning these are what a broker looks like that goes away in the middle of a greeting.
            RDKafkaErrorCode::Authentication if !was_up => "sasl_username",
            RDKafkaErrorCode::SSL if !was_up => "security",
            _ => {
                self.pulse.failed(reason());
                return Ok(());
            }
        };
        let reason = match setting {
            "topic" => format!("`{}`: {code}", self.topic),
            _ => reason(),
        };
        self.pulse.failed(reason.as_str());
        Err(ConnectorError::Refused { connector: NAME, setting, reason })
    }

    fn add(&self, list: &mut TopicPartitionList, partition: Partition, offset: Offset) {
        // The only failure is an offset that librdkafka does not know, and these it knows.
        let _ = list.add_partition_offset(&self.topic, i32::try_from(partition).unwrap_or(i32::MAX), offset);
    }
}

/// Messages on their way into a delivery, their payloads one after the other.
#[derive(Default)]
struct Gathered {
    delivery: Delivery,
    heads: Vec<Head>,
    bytes: BytesMut,
    /// The position of the partition that the last message came from.
    next: Option<(Partition, u64)>,
}

/// A message whose payload is among the gathered ones.
struct Head {
    partition: Partition,
    offset: u64,
    time: Option<i64>,
    end: usize,
}

impl Gathered {
    fn len(&self) -> usize {
        self.heads.len() + self.delivery.malformed.len()
    }

    fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.delivery.is_empty()
    }

    fn add(&mut self, partition: Partition, offset: u64, time: Option<i64>, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.heads.push(Head { partition, offset, time, end: self.bytes.len() });
    }

    fn note(&mut self) {
        if let Some((partition, next)) = self.next.take() {
            self.delivery.next.set(partition, next);
        }
    }

    fn finish(mut self) -> Delivery {
        self.note();
        let bytes = self.bytes.freeze();
        let mut start = 0;
        self.delivery.messages.reserve(self.heads.len());
        for Head { partition, offset, time, end } in self.heads {
            let payload = bytes.slice(start..end);
            self.delivery.messages.push(Message { partition, offset, time, payload });
            start = end;
        }
        self.delivery
    }
}

fn offset_of(next: u64) -> Offset {
    Offset::Offset(i64::try_from(next).unwrap_or(i64::MAX))
}

/// Asks the cluster something that librdkafka waits for.
async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> Result<T, KafkaError> + Send + 'static,
) -> Result<T, ConnectorError> {
    match tokio::task::spawn_blocking(ask).await {
        Ok(answer) => answer.map_err(|error| away(&error)),
        Err(error) => Err(ConnectorError::Away { connector: NAME, reason: error.to_string() }),
    }
}

fn away(error: &KafkaError) -> ConnectorError {
    ConnectorError::Away { connector: NAME, reason: error.to_string() }
}

/// A client that cannot be made.
fn refused(error: &KafkaError) -> ConnectorError {
    ConnectorError::Refused { connector: NAME, setting: "security", reason: error.to_string() }
}
