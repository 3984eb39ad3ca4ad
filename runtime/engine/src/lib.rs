//! Plan in, run out: schedules nodes, skips what is current, reports progress.
//!
//! [`run`] goes through a plan's nodes in order. A node whose fingerprint has a result in the state folder is current and
//! left alone; one that another machine has a result of is fetched; one that reads a failed node is passed over; everything else is executed and published whole. Training
//! happens in processes of their own. The engine knows nothing of the language: a plan and a state folder are enough.
//! [`test::run`] carries out a program's tests on rows in memory.

mod artefacts;
mod behaviours;
mod champion;
mod error;
mod event;
mod fingerprints;
mod gates;
mod lineage;
pub mod models;
mod module;
mod not_yet;
mod profiles;
mod replay;
mod run;
mod scoring;
pub mod serving;
mod shared;
mod steps;
mod summary;
mod supports;
pub mod test;
mod tracked;
mod worker;

pub use error::RunError;
pub use event::Event;
pub use mlsys_dataflow::{ColumnReport, ProfileFrom, ProfileReport};
pub use mlsys_store::{Objects, RegistryAddress, Remote};
pub use mlsys_tracking::TrackingReport;
pub use mlsys_training::{
    BehaviourResult, Changed, EpochReport, FoldReport, GateResult, Importance, Score, Scores, Seen, TrainEvent,
    TrainReport, TrialReport,
};
pub use not_yet::NOT_YET;
pub use profiles::newest_profile;
pub use replay::{Compared, Replay, replay};
pub use run::{Options, run};
pub use scoring::{IMPLEMENTED, ScoringReport};
pub use shared::{shared_registry, shared_store};
pub use summary::{ModelOutcome, NodeOutcome, Outcome, Summary};
pub use supports::supports;
pub use tracked::tell_alias;
