//! Batch scoring: rows of a source are predicted by a model's champion, and the predictions delivered as files.
//!
//! A clause is scored in pieces: one for each part of the source. What of a piece a prediction reads, its rows and their
//! features, has a fingerprint; a piece whose rows are delivered is left alone for as long as that stays what it was, so that
//! an appended day costs a day and predictions that were made stay with the version that made them. The ledger remembers
//! the pieces, and the files in which they went out.

mod clause;
mod coverage;
mod definition;
mod delivery;
mod ledger;
mod pieces;
mod predictions;
mod report;
mod sinks;
mod version;

pub(crate) use self::clause::{Clause, clauses, needed};
pub(crate) use self::coverage::check as check_coverage;
pub(crate) use self::definition::definition;
pub(crate) use self::delivery::{Delivery, deliver};
pub(crate) use self::ledger::{Entry, Ledger};
pub(crate) use self::pieces::{Room, Seen, forget, observe};
pub(crate) use self::predictions::{Wanted, file_of, predict};
pub use self::report::ScoringReport;
pub(crate) use self::report::measure;
pub(crate) use self::sinks::{is_executed, supports};
pub(crate) use self::version::{Scorer, scorer};

/// What of the standard library scoring implements: kind and name, ordered.
pub const IMPLEMENTED: &[(&str, &str)] = &[("signal", "coverage"), ("sink", "csv"), ("sink", "parquet")];
