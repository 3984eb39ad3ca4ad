//! Streams and sinks against clusters that librdkafka plays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod mock;
mod reader;
