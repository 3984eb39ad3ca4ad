//! The aggregate kernels that batch, stream and serving share.
//!
//! A [`Kernel`] is tagged with its [`Algebra`], which decides how a sliding window over sorted rows is kept up to
//! date: a *group* looks up differences of exact prefix sums, a *monoid* keeps a two-stack queue ([`Queue`]) and never
//! subtracts, an *ordered* kernel picks a position. [`Measures`] drives all windows of all aggregates of a feature
//! group in one pass over its rows.
//!
//! Every kernel sees present values only: [`Present`] turns ranges of rows into ranges of present values first, so
//! that "nulls are skipped" is written once.

mod chunks;
mod compensated;
mod kernel;
mod kernels;
mod measures;
mod prefix;
mod present;
mod queue;
mod ranges;
mod retained;

pub use compensated::Compensated;
pub use kernel::{AggregateError, Algebra, Kernel, Sliding};
pub use kernels::{by_name, kernels};
pub use measures::{Measure, Measures};
pub use present::Present;
pub use queue::{Monoid, Queue};
pub use ranges::{RangeBuffer, Ranges};
