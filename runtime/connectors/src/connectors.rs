//! The list of all streams and sinks.

use std::collections::BTreeMap;
use std::path::Path;

use mlsys_plan::Call;

use crate::error::ConnectorError;
use crate::settings::Environment;
use crate::sink::Sink;
use crate::stream::Stream;
use crate::{file, http_push, kafka, nats};

/// What a connector is opened with.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// The connector and its arguments as the program has them.
    pub call: &'a Call,
    /// Its settings in the profile.
    pub settings: &'a BTreeMap<String, String>,
    /// The environment, which holds the secrets that settings refer to.
    pub environment: Environment<'a>,
    /// The project's folder, which paths in the program are relative to.
    pub project: &'a Path,
    /// A folder of this stream's own for what it must remember; it is made when it is needed.
    pub folder: &'a Path,
}

/// A kind of stream.
pub struct StreamKind {
    /// Its name in programs.
    pub name: &'static str,
    /// Opens one.
    open: fn(&Opening<'_>) -> Result<Box<dyn Stream>, ConnectorError>,
}

/// A kind of sink.
pub struct SinkKind {
    /// Its name in programs.
    pub name: &'static str,
    /// Opens one.
    open: fn(&Opening<'_>) -> Result<Box<dyn Sink>, ConnectorError>,
}

/// All kinds of streams.
pub const STREAMS: [StreamKind; 4] = [
    StreamKind { name: kafka::NAME, open: kafka::open_stream },
    StreamKind { name: nats::NAME, open: nats::open_stream },
    StreamKind { name: http_push::NAME, open: http_push::open_stream },
    StreamKind { name: file::NAME, open: file::open_stream },
];

/// All kinds of sinks that take single rows.
pub const SINKS: [SinkKind; 1] = [SinkKind { name: kafka::NAME, open: kafka::open_sink }];

/// Opens a stream. It has to happen inside a tokio runtime; connections are made when messages are asked for.
///
/// # Errors
/// There is no such stream, or its arguments or settings make no sense.
pub fn open_stream(opening: &Opening<'_>) -> Result<Box<dyn Stream>, ConnectorError> {
    let known = || STREAMS.iter().map(|kind| kind.name).collect();
    let kind = STREAMS.iter().find(|kind| kind.name == opening.call.name);
    (kind.ok_or_else(|| unknown("stream", opening, known()))?.open)(opening)
}

/// Opens a sink. It has to happen inside a tokio runtime.
///
/// # Errors
/// There is no such sink, or its arguments or settings make no sense.
pub fn open_sink(opening: &Opening<'_>) -> Result<Box<dyn Sink>, ConnectorError> {
    let known = || SINKS.iter().map(|kind| kind.name).collect();
    let kind = SINKS.iter().find(|kind| kind.name == opening.call.name);
    (kind.ok_or_else(|| unknown("sink of single rows", opening, known()))?.open)(opening)
}

fn unknown(what: &'static str, opening: &Opening<'_>, known: Vec<&'static str>) -> ConnectorError {
    ConnectorError::Unknown { what, name: opening.call.name.clone(), known }
}
