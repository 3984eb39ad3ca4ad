//! Streams of rows: Kafka, NATS, files that grow, and rows that are pushed over HTTP.
//!
//! A [`Stream`] brings messages in partitions, each of which numbers its messages, and [`STREAMS`] lists all there are. A
//! [`Decoder`] makes typed rows of messages, by JSON or by Avro; what it cannot read goes to a [`Quarantine`] with the
//! reason. A [`Sink`] is where rows go to one by one.
//!
//! **Whose word counts.** Whoever reads a stream keeps its own state and, in the same commit, the positions that the state
//! has seen. When a partition is assigned, the reader says where to go on ([`Stream::seek`]); what a broker remembers of a
//! group's positions ([`Stream::taken`]) is for the eyes of people and their tools. So a row counts once in the state
//! whatever is killed, and when.

mod connectors;
mod decode;
mod error;
mod file;
mod health;
mod http_push;
mod kafka;
mod nats;
mod quarantine;
mod settings;
mod sink;
mod stream;

pub use connectors::{Opening, SINKS, STREAMS, SinkKind, StreamKind, open_sink, open_stream};
pub use decode::{Decoded, Decoder};
pub use error::ConnectorError;
pub use health::{Failure, Health};
pub use quarantine::{Quarantine, QuarantineLimits};
pub use settings::Environment;
pub use sink::{Record, Sink};
pub use stream::{Change, Delivery, Malformed, Message, Partition, Positions, Start, Stream};
