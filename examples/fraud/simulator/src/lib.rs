//! Payments by card, made up: who pays how much where and when, and which payments are fraud.
//!
//! The model is that of Le Borgne, Siblini, Lebichot and Bontempi, "Reproducible Machine Learning for Credit Card Fraud
//! Detection - Practical Handbook" (2022), chapter 3, written anew. Every random choice has a generator of its own,
//! named by what is chosen, so that equal settings give equal payments on every machine and in any order of days.

mod files;
mod payments;
mod random;
mod world;

pub use files::{WriteError, write};
pub use payments::{Kind, Payment, Payments};
pub use world::{Settings, World};
