//! Learners on libtorch: encoders, training loop, metrics, artefacts. tch is named in this crate only.
//!
//! [`train`] does a [`TrainJob`](mlsys_training::TrainJob): reads the examples, fits the encoders on the training part alone,
//! trains, judges every part, and leaves the model with its report in the job's output folder. [`Model`] reads such a
//! folder and predicts with the same encoders; [`predict`] does that for any number of rows. Several processes train
//! together with [`train_in`], in the group that each of them [`join`]s. [`behave`] changes inputs and sees how predictions
//! follow.

mod artefact;
mod behaviours;
mod beside;
mod body;
mod calibration;
mod candidates;
mod chance;
mod data;
mod encoders;
mod error;
mod examples;
mod fit;
mod folds;
mod heads;
mod implemented;
mod importance;
mod judging;
mod labels;
mod learners;
mod losses;
mod module;
mod optimizers;
mod predict;
mod predictor;
mod schedules;
mod search;
mod settings;
mod sizes;
mod stopping;
mod together;
mod training;

pub use artefact::{Answer, Model};
pub use behaviours::behave;
pub use error::TrainError;
pub use examples::Examples;
pub use implemented::implemented;
pub use mlsys_collective::{Group, Place, Rendezvous};
pub use predict::predict;
pub use predictor::{Predictions, Predictor};
pub use together::join;
pub use training::{judge, train, train_in};
