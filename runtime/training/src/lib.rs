//! The contract between the engine and a training worker: jobs, events, reports, and what can be trained.
//!
//! The engine writes a job as a JSON file and starts a worker on it; the worker prints events, one JSON object a line,
//! and leaves a report. Neither links the other: libtorch stays in the worker's process.

mod behaviours;
mod capabilities;
mod event;
mod gate;
mod job;
mod predict;
mod report;
mod scores;
mod workers;

pub use behaviours::{BehaviourReport, BehaviourResult, Changed, Seen};
pub use capabilities::{CAPABILITIES, NOT_YET, can};
pub use event::TrainEvent;
pub use gate::GateResult;
pub use job::{BehaveJob, JudgeJob, TrainJob, module_of};
pub use predict::{Carried, PredictJob, Stamp, predicted};
pub use report::{
    EpochReport, FoldReport, Importance, InputReport, JudgeReport, PartReport, SliceReport, TrainReport, TrialReport,
};
pub use scores::{Score, Scores};
pub use workers::{refused_together, shares, workers};
