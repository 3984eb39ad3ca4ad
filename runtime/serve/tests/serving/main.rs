//! Deployments as callers see them, over HTTP, with a scorer that does what a test wants.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod batching;
mod inference;
mod limits;
mod log;
mod predict;
mod support;
mod trouble;
