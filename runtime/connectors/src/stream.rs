//! What every stream is: messages in partitions, and what becomes of the partitions.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::ConnectorError;
use crate::health::Health;

/// The number of a partition. Streams that are not divided have the partition 0 alone.
pub type Partition = u32;

/// A stream of messages in partitions; each partition numbers its messages, with numbers that grow.
///
/// A reader goes round in a loop: [`Stream::next`], commit state and positions, [`Stream::taken`]. What a delivery says of
/// partitions is settled by the following call of `next`: until then nothing of an assigned partition is read, so that the
/// reader can [`Stream::seek`], and a revoked partition is not yet given away, so that the reader can commit.
#[async_trait]
pub trait Stream: Send {
    /// The next messages, at most so many, waiting at most so long for the first. An empty delivery says that there were
    /// none in that time. A call that is given up before it answers loses nothing.
    ///
    /// # Errors
    /// [`ConnectorError::Refused`] if the other side will have nothing of it; the call can be repeated. A side that is
    /// merely away is waited for: [`Stream::health`] tells.
    async fn next(&mut self, most: usize, wait: Duration) -> Result<Delivery, ConnectorError>;

    /// Says where an assigned partition begins; one of which nothing is said begins at [`Start::Beginning`].
    ///
    /// # Errors
    /// The partition is not one that the last delivery assigned.
    async fn seek(&mut self, partition: Partition, start: Start) -> Result<(), ConnectorError>;

    /// Says how far everything is durably taken: the outside may forget what lies before, and people see how far it is.
    ///
    /// # Errors
    /// What is kept on this machine cannot be written. That a broker does not take note is no error.
    async fn taken(&mut self, positions: &Positions) -> Result<(), ConnectorError>;

    /// How the connection is doing.
    fn health(&self) -> Health;

    /// Leaves the group and ends the connection; nothing can be read afterwards. A stream that is dropped does the same
    /// behind everybody's back.
    async fn close(&mut self);
}

/// Where reading a partition begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest message there is.
    Beginning,
    /// After the newest message there is now.
    End,
    /// At the message with this number, or at the first one after it.
    At(u64),
    /// At the first message that the broker got at this time or later, in microseconds since 1970-01-01T00:00:00Z; at the
    /// beginning where no such times are kept.
    Since(i64),
}

/// What comes of asking for messages.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Messages, in order within each partition.
    pub messages: Vec<Message>,
    /// What stands where a message should and is none, such as a line without an end.
    pub malformed: Vec<Malformed>,
    /// Where the partitions go on that something came from; commit them with what came.
    pub next: Positions,
    /// What has become of partitions, after the messages.
    pub changes: Vec<Change>,
}

impl Delivery {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.malformed.is_empty() && self.changes.is_empty() && self.next.is_empty()
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The partition.
    pub partition: Partition,
    /// The message's number.
    pub offset: u64,
    /// When the broker got it, in microseconds since 1970-01-01T00:00:00Z, where that is known. It is no event time.
    pub time: Option<i64>,
    /// What is in it.
    pub payload: Bytes,
}

/// What could not be read as rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The partition.
    pub partition: Partition,
    /// The message's number.
    pub offset: u64,
    /// What is in it, as far as it was kept.
    pub payload: Bytes,
    /// What is wrong with it.
    pub reason: String,
}

/// What has become of partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// They are this reader's now. It says where to begin before it asks for more.
    Assigned(Vec<Partition>),
    /// They will be another reader's as soon as this one asks for more: it commits what it has of them before.
    Revoked(Vec<Partition>),
    /// They are another reader's already, because this one was silent for too long. What it has not committed of them, it
    /// forgets.
    Lost(Vec<Partition>),
    /// All that there is of a partition has been delivered: if nothing more comes, it holds no watermark back.
    CaughtUp(Partition),
    /// Messages are gone that were never delivered. Reading goes on after them.
    Gap {
        /// The partition.
        partition: Partition,
        /// Where reading should have gone on.
        from: u64,
        /// Where it goes on.
        to: u64,
        /// What is known about it.
        reason: String,
    },
}

/// For each partition the number from which on nothing has been taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Positions(BTreeMap<Partition, u64>);

impl Positions {
    /// The position of a partition.
    pub fn get(&self, partition: Partition) -> Option<u64> {
        self.0.get(&partition).copied()
    }

    /// Sets the position of a partition.
    pub fn set(&mut self, partition: Partition, next: u64) {
        self.0.insert(partition, next);
    }

    /// Takes over the positions of others; they win.
    pub fn extend(&mut self, others: &Positions) {
        self.0.extend(&others.0);
    }

    /// Partitions and positions in order.
    pub fn iter(&self) -> impl Iterator<Item = (Partition, u64)> {
        self.0.iter().map(|(partition, next)| (*partition, *next))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Partition, u64)> for Positions {
    fn from_iter<I: IntoIterator<Item = (Partition, u64)>>(positions: I) -> Self {
        Positions(positions.into_iter().collect())
    }
}
