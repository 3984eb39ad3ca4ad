//! What a version is shown from: plain data, filled by whoever keeps versions.

use std::collections::BTreeMap;

use mlsys_training::{BehaviourResult, GateResult, TrainReport};

/// Everything that is shown of a version.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The model's name.
    pub model: String,
    /// The version, from 1.
    pub version: i64,
    /// When it was registered, RFC 3339 in UTC.
    pub registered_at: String,
    /// Its aliases, such as `champion`.
    pub aliases: Vec<String>,
    /// What is predicted; none where nothing is, or where it is not known.
    pub label: Option<String>,
    /// The learner with its arguments, where it is known.
    pub learner: Option<String>,
    /// The names of the classes, in the order in which they are counted; empty where there are none, or they are not
    /// known.
    pub classes: Vec<String>,
    /// The licence by the Hub's name for it, such as `apache-2.0`, if one was given.
    pub license: Option<String>,
    /// The training's report.
    pub report: TrainReport,
    /// Its gates as they were judged.
    pub gates: Vec<GateResult>,
    /// How many gates were written in a form that cannot be read any more.
    pub unread_gates: usize,
    /// The expectations of its tests as they were judged.
    pub behaviours: Vec<BehaviourResult>,
    /// What it was made of.
    pub origin: Origin,
    /// What happened to it, the latest first.
    pub history: Vec<Event>,
}

/// What a version was made of: fingerprints, so that two versions can be told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Of the training: definition and examples.
    pub training: String,
    /// Of the whole plan.
    pub plan: String,
    /// Of the data that the sources held.
    pub data: String,
    /// Of the model's files.
    pub artefact: String,
    /// The seed.
    pub seed: i64,
    /// Of the data of each source.
    pub sources: BTreeMap<String, String>,
    /// Of the definition of each group of features.
    pub groups: BTreeMap<String, String>,
    /// The commit of the project, if it is in a repository.
    pub commit: Option<String>,
    /// The version of mlsys; none for a version that was registered before this was kept.
    pub mlsys: Option<String>,
}

/// A line of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, RFC 3339 in UTC.
    pub at: String,
    /// The version that it is about.
    pub version: i64,
    /// What happened, such as `registered`.
    pub what: String,
    /// Who did it, where it is known.
    pub who: Option<String>,
    /// Why, if they said so.
    pub why: Option<String>,
}
