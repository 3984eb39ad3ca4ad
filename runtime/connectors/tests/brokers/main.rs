//! Streams and sinks against brokers and servers that are not ours, each started by these tests and ended with them. They
//! need programs that not every machine has: `make interop` sets them up and runs this.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod kafka;
mod nats;
#[path = "../streams/reader.rs"]
mod reader;
mod server;
