//! What is written of cards: small ones as they are, and any others within bounds and without a way out of their place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod bounds;
mod cards;
mod escaping;
mod written;
