//! Opening streams as a program would, and a reader that commits what it has with its positions.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use mlsys_connectors::{
    Change, ConnectorError, Delivery, Opening, Partition, Positions, Sink, Start, Stream, open_sink, open_stream,
};
use mlsys_plan::{Call, Value};

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A turn of the loop.
pub(crate) const TURN: Duration = Duration::from_millis(100);

/// Texts by name.
pub(crate) fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A call of a connector with text arguments.
pub(crate) fn call(name: &str, args: &[(&str, &str)]) -> Call {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), Value::String((*value).to_owned())));
    Call { name: name.to_owned(), args: args.collect() }
}

fn environment(name: &str) -> Option<String> {
    (name == "WRONG_PASSWORD")
        .then(|| "not it".to_owned())
        .or_else(|| (name == "PASSWORD").then(|| "sesame".to_owned()))
}

/// Opens a stream.
pub(crate) fn open(call: &Call, settings: &[(&str, &str)]) -> Result<Box<dyn Stream>, ConnectorError> {
    with_opening(call, settings, open_stream)
}

/// Opens a sink.
pub(crate) fn sink(call: &Call, settings: &[(&str, &str)]) -> Result<Box<dyn Sink>, ConnectorError> {
    with_opening(call, settings, open_sink)
}

fn with_opening<T>(call: &Call, settings: &[(&str, &str)], act: impl FnOnce(&Opening<'_>) -> T) -> T {
    let settings = texts(settings);
    let here = Path::new(".");
    act(&Opening { call, settings: &settings, environment: &environment, project: here, folder: here })
}

/// What a reader commits in one go: what it has seen, and where it goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    /// Messages by partition and number, with their texts.
    pub(crate) seen: BTreeMap<(Partition, u64), String>,
    /// Positions.
    pub(crate) positions: Positions,
    /// How many messages were counted, which is more than were seen if any came twice.
    pub(crate) counted: usize,
    /// Gaps that were told.
    pub(crate) gaps: Vec<Change>,
    /// Partitions of which everything had been delivered at some time.
    pub(crate) caught_up: BTreeSet<Partition>,
}

impl State {
    /// Takes a delivery in.
    pub(crate) fn take(&mut self, delivery: &Delivery) {
        for message in &delivery.messages {
            let text = String::from_utf8(message.payload.to_vec()).unwrap();
            self.seen.insert((message.partition, message.offset), text);
            self.counted += 1;
        }
        self.positions.extend(&delivery.next);
        for change in &delivery.changes {
            match change {
                Change::Gap { .. } => self.gaps.push(change.clone()),
                Change::CaughtUp(partition) => {
                    self.caught_up.insert(*partition);
                }
                _ => {}
            }
        }
    }

    /// The texts, in order of partitions and numbers.
    pub(crate) fn texts(&self) -> Vec<&str> {
        self.seen.values().map(String::as_str).collect()
    }
}

/// One turn: asks, places what was assigned by the state's own positions, commits, and tells.
pub(crate) async fn turn(stream: &mut dyn Stream, state: &mut State, most: usize) -> Vec<Change> {
    let delivery = stream.next(most, TURN).await.unwrap();
    state.take(&delivery);
    stream.taken(&state.positions).await.unwrap();
    place(stream, state, &delivery.changes).await;
    delivery.changes
}

async fn place(stream: &mut dyn Stream, state: &State, changes: &[Change]) {
    for change in changes {
        let Change::Assigned(partitions) = change else { continue };
        for partition in partitions {
            let start = state.positions.get(*partition).map_or(Start::Beginning, Start::At);
            stream.seek(*partition, start).await.unwrap();
        }
    }
}

/// Turns until something holds.
pub(crate) async fn until(stream: &mut dyn Stream, state: &mut State, holds: impl Fn(&State) -> bool) {
    let deadline = tokio::time::Instant::now() + LONG;
    while !holds(state) {
        assert!(tokio::time::Instant::now() < deadline, "{state:?} {:?}", stream.health());
        turn(stream, state, 100).await;
    }
}

/// The refusal that a stream answers with, once it does.
pub(crate) async fn refusal(stream: &mut dyn Stream) -> String {
    let deadline = tokio::time::Instant::now() + LONG;
    loop {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", stream.health());
        match stream.next(10, TURN).await {
            Err(error) => {
                assert!(!error.is_passing(), "{error}");
                return error.to_string();
            }
            Ok(delivery) => assert!(delivery.messages.is_empty()),
        }
    }
}
