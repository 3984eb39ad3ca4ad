//! What there is to tell, as plain data: it is sent now, or kept in a file and sent later.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use mlsys_training::{EpochReport, TrainReport, TrialReport};
use serde::{Deserialize, Serialize};

/// Which training is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Id {
    /// The name of the program: trainings of one program lie together.
    pub program: String,
    /// The model's name.
    pub model: String,
    /// The fingerprint of the training; the same training is told of once, however often it is told.
    pub fingerprint: String,
}

/// A training, as it is known when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Training {
    /// Which one.
    pub id: Id,
    /// When it began, in milliseconds since 1970.
    pub began_at: i64,
    /// What it was asked for, by name: learner, arguments, settings; see [`crate::described`].
    pub params: Vec<(String, String)>,
    /// What it was made from, by name: fingerprints, commit, versions.
    pub tags: Vec<(String, String)>,
}

/// How a training ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// There is a model.
    Model {
        /// The training's report.
        report: Box<TrainReport>,
        /// The folder with `report.json` and the files of the model.
        folder: PathBuf,
    },
    /// It failed.
    Failed {
        /// Why, in one sentence.
        reason: String,
    },
}

/// The end of a training. With it everything is said once more that epochs and trials have said before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// The training.
    pub training: Training,
    /// When it ended, in milliseconds since 1970.
    pub at: i64,
    /// How.
    pub came: Came,
}

/// What the gates said, and the version that came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// The training.
    pub training: Id,
    /// The version in the registry; none where a gate was not met.
    pub version: Option<i64>,
    /// Each gate as it was judged, in words.
    pub gates: Vec<String>,
    /// The aliases that the version holds; they count only where the version was not known before.
    pub aliases: Vec<String>,
}

/// An alias that a version was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The model's name.
    pub model: String,
    /// The fingerprint of the version's training.
    pub fingerprint: String,
    /// The version in the registry, for messages.
    pub version: i64,
    /// The alias.
    pub alias: String,
}

/// A piece of news.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// A training began.
    Began(Training),
    /// A trial of a search began.
    TrialBegan {
        /// The training.
        training: Id,
        /// The trial, from 1.
        trial: u32,
        /// When, in milliseconds since 1970.
        at: i64,
    },
    /// An epoch is done.
    Epoch {
        /// The training.
        training: Id,
        /// The trial that it belongs to, from 1; none where nothing is searched.
        trial: Option<u32>,
        /// Its figures.
        report: EpochReport,
    },
    /// A trial is over.
    Trial {
        /// The training.
        training: Id,
        /// What came of it.
        report: TrialReport,
        /// When, in milliseconds since 1970.
        at: i64,
    },
    /// A training ended.
    Ended(Box<Ended>),
    /// A training was judged, and is registered if it met its gates.
    Registered(Registered),
    /// An alias was given to a version.
    Moved(Moved),
}

impl News {
    /// Whether it tells of an epoch: there may be many of these, and one more or less matters little.
    pub fn is_epoch(&self) -> bool {
        matches!(self, News::Epoch { .. })
    }

    /// Whether it can be sent together with `other`: epochs of one training, or of one of its trials.
    pub(crate) fn goes_with(&self, other: &News) -> bool {
        match (self, other) {
            (News::Epoch { training, trial, .. }, News::Epoch { training: other, trial: of, .. }) => {
                training == other && trial == of
            }
            _ => false,
        }
    }

    /// The model that it tells of.
    pub(crate) fn model(&self) -> &str {
        match self {
            News::Began(training) => &training.id.model,
            News::Ended(ended) => &ended.training.id.model,
            News::TrialBegan { training, .. } | News::Epoch { training, .. } | News::Trial { training, .. } => {
                &training.model
            }
            News::Registered(registered) => &registered.training.model,
            News::Moved(moved) => &moved.model,
        }
    }

    /// The bytes of files that go with it.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            News::Ended(ended) => match &ended.came {
                Came::Model { folder, .. } => size(folder),
                Came::Failed { .. } => 0,
            },
            _ => 0,
        }
    }
}

fn size(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// Now, in milliseconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
