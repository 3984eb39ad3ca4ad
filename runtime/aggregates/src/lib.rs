//! The aggregate kernels that batch, stream and serving share.
//!
//! A [`Kernel`] is tagged with its [`Algebra`], which decides how a sliding window over sorted rows is kept up to
//! date: a *group* looks up differences of exact prefix sums, a *monoid* keeps a two-stack queue ([`Queue`]) and never
//! subtracts, an *ordered* kernel picks positions, and the rest lets values enter and leave one by one. [`Measures`] drives
//! all windows of all aggregates of a feature group in one pass over its rows. Where nothing slides, as in streams, tiles
//! and requests, a [`Summary`] of the same arithmetic is updated, merged and stored.
//!
//! [`sketches`] are what some kernels keep, by itself: profiles of columns ask it more than one question.
//!
//! Every kernel sees present values only: [`Present`] turns ranges of rows into ranges of present values first, so
//! that "nulls are skipped" is written once.

mod bytes;
mod chunks;
mod columns;
mod compensated;
mod error;
mod input;
mod kernel;
mod kernels;
mod measures;
mod present;
mod queue;
mod ranges;
mod retained;
pub mod sketches;
mod states;
mod summary;

pub use bytes::{Reader, write_count, write_float, write_signed};
pub use compensated::Compensated;
pub use error::AggregateError;
pub use input::{Input, Parameter, Parameters};
pub use kernel::{Algebra, Kernel, Sliding};
pub use kernels::{by_name, kernels};
pub use measures::{Measure, Measures};
pub use present::Present;
pub use queue::{Monoid, Queue};
pub use ranges::{RangeBuffer, Ranges};
pub use summary::Summary;
