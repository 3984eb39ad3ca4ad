//! The contract between the engine and a training worker: jobs, events, reports, and what can be trained.
//!
//! The engine writes a job as a JSON file and starts a worker on it; the worker prints events, one JSON object a line,
//! and leaves a report. Neither links the other: libtorch stays in the worker's process.

mod capabilities;
mod event;
mod job;
mod predict;
mod report;
mod scores;

pub use capabilities::{CAPABILITIES, NOT_YET, can};
pub use event::TrainEvent;
pub use job::{JudgeJob, TrainJob, module_of};
pub use predict::{Carried, PredictJob, Stamp, predicted};
pub use report::{
    EpochReport, Importance, InputReport, JudgeReport, PartReport, SliceReport, TrainReport, TrialReport,
};
pub use scores::{Score, Scores};
