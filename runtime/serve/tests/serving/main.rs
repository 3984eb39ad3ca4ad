//! Deployments as callers see them, over HTTP, with a scorer that does what a test wants.

mod batching;
mod inference;
mod limits;
mod log;
mod predict;
mod support;
mod trouble;
