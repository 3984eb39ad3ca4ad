//! Streams and sinks against brokers and servers that are not ours, each started by these tests and ended with them.

mod broker;
mod brokers;
mod mock;
mod nats;
mod reader;
