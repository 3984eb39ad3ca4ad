//! What a run tells while it goes on.

use mlsys_plan::Node;
use mlsys_training::TrainEvent;

use crate::summary::Outcome;

/// A piece of news.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A node is being executed.
    Started {
        /// The node.
        node: &'a Node,
    },
    /// Rows have been read.
    Rows {
        /// The node.
        node: &'a Node,
        /// Rows since the node began.
        rows: u64,
    },
    /// A training worker said something.
    Training {
        /// The node.
        node: &'a Node,
        /// What it said.
        event: &'a TrainEvent,
    },
    /// A node is done, was left alone, or failed.
    Ended {
        /// The node.
        node: &'a Node,
        /// How it ended.
        outcome: &'a Outcome,
        /// Wall-clock seconds.
        seconds: f64,
    },
}

/// Whoever listens.
pub(crate) type Observer<'a> = &'a (dyn Fn(Event<'_>) + Send + Sync);
