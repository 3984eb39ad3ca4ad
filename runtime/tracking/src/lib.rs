//! What a tracking server is told: trainings, their epochs and trials, versions and aliases.
//!
//! [`Tracking`] takes [`News`] and never makes anybody wait: a task beside the run sends what is waiting through a
//! [`Tracker`], of which [`mlflow`] is the one there is. Whatever goes wrong with the server is a sentence in the
//! [`TrackingReport`] and nothing else. What could not be sent is kept in a [`Spool`] for the next run; sending something
//! twice changes nothing.

mod address;
mod described;
pub mod mlflow;
mod news;
mod pace;
mod queue;
mod report;
mod spool;
mod tracker;
mod tracking;

pub use address::{Address, AddressError};
pub use described::described;
pub use news::{Came, Ended, Id, Moved, News, Registered, Training, now};
pub use pace::Pace;
pub use report::TrackingReport;
pub use spool::Spool;
pub use tracker::{Refusal, Tracker, Trouble};
pub use tracking::Tracking;
