//! Stream jobs: rows in event time, each counted once, into what is kept of entities; and features of them at a moment.
//!
//! [`Live`] is the state of all groups of a plan that a process answers for. History seeds it ([`Live::seed`]), rows of
//! streams go on from there: an [`Intake`] holds the rows of one source against its declaration, its watermark and the
//! versions of rows that were there before, and puts what stays among the rows of entities. Rows, positions of streams and
//! watermarks are committed together ([`Live::commit`]), so that after any crash each row has counted once. A [`Job`] does
//! that for one stream, and [`Reading`] makes the inputs of a model of requests and of what entities come to at that moment.

mod clock;
mod content;
mod error;
mod history;
mod intake;
mod job;
mod kept;
mod lease;
mod ledger;
mod live;
mod member;
mod reading;
mod status;
mod version;
mod watermark;

pub use error::LiveError;
pub use history::History;
pub use intake::{Arrived, Counted, Intake, Outcome};
pub use job::{Follower, Job, JobOptions};
pub use lease::Lease;
pub use live::{Live, Options};
pub use reading::{Inputs, Reading};
pub use status::{Counts, SourceStatus};
