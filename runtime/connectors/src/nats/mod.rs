//! A subject of NATS JetStream, by a consumer that the server keeps only while it is asked.
//!
//! The stream is one partition; a message's number is its sequence in JetStream. The consumer begins at the reader's own
//! position, in order and without acknowledgements: what a stream keeps is the stream's own matter (its limits). A stream
//! that deletes what was acknowledged, or what nobody waits for, cannot be read again after a crash, and is refused.

mod settings;

use std::time::Duration;

use async_nats::connection::State as Connection;
use async_nats::datetime::from_nanos;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::consumer::{DeliverPolicy, ReplayPolicy};
use async_nats::jetstream::stream::RetentionPolicy;
use async_nats::jetstream::{self, Message as Received};
use async_nats::{Client, ConnectErrorKind, ConnectOptions};
use async_trait::async_trait;
use futures::{FutureExt, StreamExt};

use crate::connectors::Opening;
use crate::error::ConnectorError;
use crate::health::{Health, Pulse};
use crate::settings::required;
use crate::stream::{Change, Delivery, Message, Partition, Positions, Start, Stream};

pub(crate) const NAME: &str = "nats";

/// The only partition.
const PARTITION: Partition = 0;

/// How long to wait before trying again, at first and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How many messages are asked for at once.
const BATCH: i64 = 5_000;

/// How many bytes one delivery may have, about.
const MOST_BYTES: usize = 16 << 20;

/// Reads a subject.
pub(crate) fn open_stream(opening: &Opening<'_>) -> Result<Box<dyn Stream>, ConnectorError> {
    let (subject, url) = (
        required(NAME, opening.call, "subject", opening.environment)?,
        required(NAME, opening.call, "url", opening.environment)?,
    );
    let pulse = Pulse::default();
    let options = settings::options(opening, &url, &pulse)?;
    Ok(Box::new(SubjectStream {
        subject,
        url,
        options,
        pulse,
        state: State::New,
        start: Start::Beginning,
        expected: None,
        pause: PAUSE.0,
        told: Vec::new(),
    }))
}

struct SubjectStream {
    subject: String,
    url: String,
    options: ConnectOptions,
    pulse: Pulse,
    state: State,
    start: Start,
    /// The sequence from which on nothing was delivered, once that is known.
    expected: Option<u64>,
    pause: Duration,
    /// Changes that the next delivery tells.
    told: Vec<Change>,
}

enum State {
    New,
    Assigned,
    Reading(Box<Reading>),
    Closed,
}

struct Reading {
    client: Client,
    messages: Ordered,
    is_caught_up: bool,
}

#[async_trait]
impl Stream for SubjectStream {
    async fn next(&mut self, most: usize, wait: Duration) -> Result<Delivery, ConnectorError> {
        let deadline = tokio::time::Instant::now() + wait;
        let mut delivery = Delivery::default();
        match &self.state {
            State::Closed => return Ok(delivery),
            State::New => {
                self.state = State::Assigned;
                delivery.changes.push(Change::Assigned(vec![PARTITION]));
                return Ok(delivery);
            }
            State::Assigned => match tokio::time::timeout_at(deadline, self.connect()).await {
                // Not yet: the next call goes on trying.
                Err(_) => return Ok(delivery),
                Ok(connected) => connected?,
            },
            State::Reading(_) => {}
        }
        delivery.changes.append(&mut self.told);
        match tokio::time::timeout_at(deadline, self.receive(most, &mut delivery)).await {
            Ok(received) => received?,
            Err(_) => self.look(&mut delivery),
        }
        Ok(delivery)
    }

    async fn seek(&mut self, partition: Partition, start: Start) -> Result<(), ConnectorError> {
        if partition != PARTITION || !matches!(self.state, State::Assigned) {
            let reason = format!("partition {partition} is not assigned");
            return Err(ConnectorError::Argument { connector: NAME, argument: "partition".to_owned(), reason });
        }
        self.start = start;
        Ok(())
    }

    async fn taken(&mut self, _: &Positions) -> Result<(), ConnectorError> {
        // JetStream is told nothing: see above.
        Ok(())
    }

    fn health(&self) -> Health {
        self.pulse.read()
    }

    async fn close(&mut self) {
        self.state = State::Closed;
        self.pulse.down();
    }
}

impl SubjectStream {
    /// Connects and begins to read, however long it takes.
    async fn connect(&mut self) -> Result<(), ConnectorError> {
        loop {
            match self.attempt().await {
                Err(error) if error.is_passing() => self.pulse.failed(error.to_string()),
                Err(error) => {
                    self.pulse.failed(error.to_string());
                    return Err(error);
                }
                Ok(reading) => {
                    self.pulse.up();
                    self.pause = PAUSE.0;
                    self.state = State::Reading(Box::new(reading));
                    return Ok(());
                }
            }
            let pause = self.pause;
            self.pause = (pause * 2).min(PAUSE.1);
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&mut self) -> Result<Reading, ConnectorError> {
        let client = self.options.clone().connect(&self.url).await.map_err(|error| match error.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                refused("username", "the server does not let us in")
            }
            ConnectErrorKind::Tls => refused("ca_file", &reasons(&error)),
            ConnectErrorKind::ServerParse => refused("url", &reasons(&error)),
            _ => away(&error),
        })?;
        let context = jetstream::new(client.clone());
        let name = context.stream_by_subject(self.subject.as_str()).await.map_err(|error| match error.kind() {
            jetstream::context::GetStreamByNameErrorKind::NotFound => {
                refused("subject", "no stream of JetStream has it")
            }
            jetstream::context::GetStreamByNameErrorKind::InvalidSubject => refused("subject", "it is no subject"),
            _ => away(&error),
        })?;
        let mut stream = context.get_stream(&name).await.map_err(|error| away(&error))?;
        let info = stream.info().await.map_err(|error| away(&error))?;
        if info.config.retention != RetentionPolicy::Limits {
            let reason = format!("the stream `{name}` forgets what was acknowledged; expected the retention `limits`");
            return Err(refused("subject", &reason));
        }
        let (first, last) = (info.state.first_sequence, info.state.last_sequence);
        let deliver_policy = self.policy(first, last);
        let config = OrderedConfig {
            filter_subject: self.subject.clone(),
            deliver_policy,
            replay_policy: ReplayPolicy::Instant,
            max_batch: BATCH,
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| away(&error))?;
        let messages = consumer.messages().await.map_err(|error| away(&error))?;
        Ok(Reading { client, messages, is_caught_up: false })
    }

    /// Where to begin in a stream with these sequences. A consumer that is made anew before its first message begins at the
    /// very first one: what lies before the start is left out, whatever comes.
    fn policy(&mut self, first: u64, last: u64) -> DeliverPolicy {
        let next = match (self.expected, self.start) {
            (Some(next), _) | (None, Start::At(next)) => next,
            (None, Start::Beginning) => first.max(1),
            (None, Start::End) => last + 1,
            (None, Start::Since(micros)) => {
                let nanos = i128::from(micros) * 1000;
                return match from_nanos(nanos) {
                    Ok(start_time) => DeliverPolicy::ByStartTime { start_time },
                    Err(_) => DeliverPolicy::All,
                };
            }
        };
        let next = next.max(1);
        let to = if next > last + 1 { first.max(1) } else { next.max(first) };
        // Nothing has the number 0, so that beginning there loses nothing.
        if to != next {
            let reason = match next > last {
                true => format!("the stream ends at {last}: it was made anew"),
                false => format!("the stream keeps messages from {first} on"),
            };
            self.pulse.failed(reason.as_str());
            self.told.push(Change::Gap { partition: PARTITION, from: next, to, reason });
        }
        self.expected = Some(to);
        DeliverPolicy::ByStartSequence { start_sequence: to }
    }

    /// Waits for a message and takes those that are there with it.
    async fn receive(&mut self, most: usize, delivery: &mut Delivery) -> Result<(), ConnectorError> {
        let State::Reading(reading) = &mut self.state else { return Ok(()) };
        let mut bytes = 0;
        let mut received = if delivery.is_empty() {
            reading.messages.next().await
        } else {
            reading.messages.next().now_or_never().flatten()
        };
        while let Some(message) = received {
            match message {
                Ok(message) => bytes += take(message, self.start, &mut self.expected, reading, &self.pulse, delivery)?,
                Err(error) => {
                    // The client goes on by itself where it can; where it cannot, everything is made anew.
                    self.pulse.failed(reasons(&error));
                    self.pulse.down();
                    self.state = State::Assigned;
                    return Ok(());
                }
            }
            if delivery.messages.len() >= most.max(1) || bytes >= MOST_BYTES {
                break;
            }
            received = reading.messages.next().now_or_never().flatten();
        }
        Ok(())
    }

    /// Says once that a stream without news has been read to its end.
    fn look(&mut self, delivery: &mut Delivery) {
        let State::Reading(reading) = &mut self.state else { return };
        if reading.client.connection_state() == Connection::Connected && !reading.is_caught_up {
            reading.is_caught_up = true;
            delivery.changes.push(Change::CaughtUp(PARTITION));
        }
    }
}

/// Takes in a message; the answer is its size.
fn take(
    message: Received,
    start: Start,
    expected: &mut Option<u64>,
    reading: &mut Reading,
    pulse: &Pulse,
    delivery: &mut Delivery,
) -> Result<usize, ConnectorError> {
    let info = message.info().map_err(|error| ConnectorError::Away { connector: NAME, reason: error.to_string() })?;
    let (offset, pending) = (info.stream_sequence, info.pending);
    let time = i64::try_from(info.published.unix_timestamp_nanos().div_euclid(1000)).ok();
    let is_before = match (*expected, start) {
        (Some(expected), _) => offset < expected,
        (None, Start::Since(micros)) => time.is_some_and(|time| time < micros),
        (None, _) => false,
    };
    if is_before {
        return Ok(0);
    }
    *expected = Some(offset + 1);
    let payload = message.message.payload;
    let size = payload.len();
    delivery.messages.push(Message { partition: PARTITION, offset, time, payload });
    delivery.next.set(PARTITION, offset + 1);
    pulse.lag(Some(pending));
    reading.is_caught_up = pending == 0;
    if pending == 0 {
        delivery.changes.push(Change::CaughtUp(PARTITION));
    }
    Ok(size)
}

fn refused(setting: &'static str, reason: &str) -> ConnectorError {
    ConnectorError::Refused { connector: NAME, setting, reason: reason.to_owned() }
}

fn away(error: &dyn std::error::Error) -> ConnectorError {
    ConnectorError::Away { connector: NAME, reason: reasons(error) }
}

/// An error with its causes.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
