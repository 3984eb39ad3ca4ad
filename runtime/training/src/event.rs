//! What a worker prints while it works.

use std::collections::BTreeMap;

use mlsys_plan::Part;
use serde::{Deserialize, Serialize};

use crate::report::{EpochReport, TrialReport};

/// What a worker prints while it works: one JSON object a line on its standard output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TrainEvent {
    /// The first of several processes waits for the others.
    Rendezvous {
        /// The host and port where they meet.
        address: String,
    },
    /// The examples are in memory and the encoders are fitted; sent again for each trial of a search.
    Ready {
        /// Examples per part.
        rows: BTreeMap<Part, u64>,
        /// Learnt parameters.
        parameters: u64,
        /// The largest number of epochs.
        epochs: u32,
        /// Steps per epoch.
        steps: u64,
    },
    /// Part of an epoch is done; sent a few times a second at most.
    Step {
        /// The epoch, from 1.
        epoch: u32,
        /// Steps done in this epoch.
        step: u64,
    },
    /// An epoch is done.
    Epoch(EpochReport),
    /// The model of a fold is learnt now, or the one that is kept.
    Fold {
        /// The fold, from 1; none for the model that learns from all of them.
        fold: Option<u32>,
        /// How many there are.
        folds: u32,
    },
    /// A trial of a search begins.
    TrialStarted {
        /// The trial, from 1.
        trial: u32,
        /// How many there are at most.
        trials: u32,
    },
    /// A trial of a search is over.
    Trial {
        /// What came of it.
        report: TrialReport,
        /// How many there are at most.
        trials: u32,
        /// The best score so far.
        best: Option<f64>,
    },
    /// Rows have been predicted; sent a few times a second at most.
    Predicted {
        /// Rows since the job began.
        rows: u64,
        /// Rows of the job.
        total: u64,
    },
    /// The job is done and its output is complete.
    Done,
    /// The job cannot be done; the worker ends with status 1.
    Failed {
        /// The diagnostic code, such as `E0931`.
        code: String,
        /// What is wrong, in one sentence.
        message: String,
    },
}
