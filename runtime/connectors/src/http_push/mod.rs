//! Rows that are sent to this process: `POST PATH` with a JSON object, an array of them, or one object a line.
//!
//! An answer of 200 says that the rows are on disk. They stay in a log of the stream's own until the reader has taken them;
//! while the log is full, senders are told to come back (503 with `Retry-After`). Whoever gets no answer sends again: rows
//! that come twice are dropped by their key, as everywhere.
//!
//! Several streams of one process may share a port, each with a path of its own.

mod body;
mod listener;
mod log;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::listener::{Entrance, Keys, Listener};
use self::log::{Log, Reader};
use crate::connectors::Opening;
use crate::error::ConnectorError;
use crate::health::{Health, Pulse};
use crate::settings::{Settings, required};
use crate::stream::{Change, Delivery, Partition, Positions, Start, Stream};

pub(crate) const NAME: &str = "http_push";

/// The only partition.
const PARTITION: Partition = 0;

/// How much may wait for the reader, in bytes, unless the profile says otherwise.
const MOST_BYTES: u64 = 1 << 30;

/// Opens a path for rows. It listens on this machine alone unless the profile says otherwise.
pub(crate) fn open_stream(opening: &Opening<'_>) -> Result<Box<dyn Stream>, ConnectorError> {
    let path = required(NAME, opening.call, "path", opening.environment)?;
    let wrong = |argument: &str, reason: &str| ConnectorError::Argument {
        connector: NAME,
        argument: argument.to_owned(),
        reason: reason.to_owned(),
    };
    if !path.starts_with('/') || path.contains(['?', '#', ' ', '%']) {
        return Err(wrong("path", "expected a path such as `/payments`"));
    }
    let port = opening.call.int("port").and_then(|port| u16::try_from(port).ok());
    let port = port.ok_or_else(|| wrong("port", "expected a number from 0 to 65535"))?;
    let mut settings = Settings::new(NAME, opening.settings, opening.environment);
    let host = settings.parsed::<IpAddr>("host", "an address such as 0.0.0.0")?;
    let most = settings.parsed("most_bytes", "a number of bytes")?.unwrap_or(MOST_BYTES);
    let keys = Keys::new(settings.secret("api_key")?, settings.secret("next_api_key")?);
    settings.finish()?;
    let address = SocketAddr::new(host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), port);
    let setup = Setup { address, path, keys, folder: opening.folder.to_owned(), most };
    Ok(Box::new(PushStream { setup, state: State::New, start: Start::Beginning, pulse: Pulse::default() }))
}

struct Setup {
    address: SocketAddr,
    path: String,
    keys: Keys,
    folder: PathBuf,
    most: u64,
}

struct PushStream {
    setup: Setup,
    state: State,
    start: Start,
    pulse: Pulse,
}

enum State {
    New,
    Assigned,
    Open(Box<Open>),
    Closed,
}

struct Open {
    log: Arc<Log>,
    reader: Reader,
    /// Keeps the path open; senders are refused once it is gone.
    _entrance: Entrance,
    is_caught_up: bool,
}

#[async_trait]
impl Stream for PushStream {
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
            State::Assigned => self.open(&mut delivery).await?,
            State::Open(_) => {}
        }
        let State::Open(open) = &mut self.state else { return Ok(delivery) };
        loop {
            // What is written from here on wakes this up.
            let mut news = std::pin::pin!(open.log.news());
            news.as_mut().enable();
            open.reader.read(&open.log, most, &mut delivery)?;
            if delivery.messages.is_empty() && !open.is_caught_up {
                open.is_caught_up = true;
                delivery.changes.push(Change::CaughtUp(PARTITION));
            } else if !delivery.messages.is_empty() {
                open.is_caught_up = false;
            }
            if !delivery.is_empty() || tokio::time::timeout_at(deadline, news).await.is_err() {
                return Ok(delivery);
            }
        }
    }

    async fn seek(&mut self, partition: Partition, start: Start) -> Result<(), ConnectorError> {
        if partition != PARTITION || !matches!(self.state, State::Assigned) {
            let reason = format!("partition {partition} is not assigned");
            return Err(ConnectorError::Argument { connector: NAME, argument: "partition".to_owned(), reason });
        }
        self.start = start;
        Ok(())
    }

    async fn taken(&mut self, positions: &Positions) -> Result<(), ConnectorError> {
        match (&self.state, positions.get(PARTITION)) {
            (State::Open(open), Some(position)) => open.log.forget_before(position),
            _ => Ok(()),
        }
    }

    fn health(&self) -> Health {
        self.pulse.read()
    }

    async fn close(&mut self) {
        self.state = State::Closed;
        self.pulse.down();
    }
}

impl PushStream {
    /// Opens the log, then the path: rows that come are the log's at once.
    async fn open(&mut self, delivery: &mut Delivery) -> Result<(), ConnectorError> {
        let setup = &self.setup;
        let position = match self.start {
            Start::At(position) => Some(position),
            Start::Beginning | Start::End | Start::Since(_) => None,
        };
        let (log, reader) = Log::open(&setup.folder, setup.most, position, self.start == Start::End)?;
        let log = Arc::new(log);
        if let Some(position) = position.filter(|_| !reader.is_whole()) {
            let reason = "the log of rows that were sent is gone, or a part of it".to_owned();
            self.pulse.failed(reason.as_str());
            let to = reader.position();
            delivery.changes.push(Change::Gap { partition: PARTITION, from: position, to, reason });
        }
        let entrance = Listener::enter(setup.address, &setup.path, &setup.keys, &log).await?;
        self.pulse.up();
        self.state = State::Open(Box::new(Open { log, reader, _entrance: entrance, is_caught_up: false }));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
