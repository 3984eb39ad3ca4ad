//! MLflow, over its REST interface (<https://mlflow.org/docs/latest/rest-api.html>, version 2.0 of it).
//!
//! An experiment is a program, a run a training, and a run below it a trial of a search. A run is found again by the tag
//! [`TRAINING`], so that a training that is resumed or told twice stays one run.

mod answers;
mod artefacts;
mod client;
mod experiments;
mod figures;
mod limits;
mod models;
mod runs;
mod trainings;

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::address::Address;
use crate::news::{Id, News};
use crate::pace::Pace;
use crate::tracker::{Refusal, Tracker, Trouble};
use client::Client;
pub use client::Credentials;
use runs::Run;

/// The tag that holds the fingerprint of a run's training.
const TRAINING: &str = "mlsys.training";

/// The tag that a run gets when everything about its training was sent.
const COMPLETE: &str = "mlsys.complete";

/// The tags of a run that is a trial: the fingerprint of the training that it belongs to, and its number.
const SEARCH: &str = "mlsys.search";
const TRIAL: &str = "mlsys.trial";

/// The tag that holds the number of a version in the registry of mlsys.
const VERSION: &str = "mlsys.version";

/// An MLflow server.
pub struct Mlflow {
    client: Client,
    /// Experiments by the names of programs.
    experiments: BTreeMap<String, String>,
    /// Runs of the trainings that were told of, as far as they are known.
    runs: BTreeMap<Id, Run>,
}

impl Mlflow {
    /// The server at an address; nothing is asked of it yet.
    ///
    /// # Errors
    /// The system's certificates cannot be used.
    pub fn new(address: Address, credentials: Credentials, pace: Pace) -> Result<Self, Trouble> {
        let client = Client::new(address, credentials, pace)?;
        Ok(Mlflow { client, experiments: BTreeMap::new(), runs: BTreeMap::new() })
    }
}

#[async_trait]
impl Tracker for Mlflow {
    fn address(&self) -> String {
        self.client.address().to_string()
    }

    async fn send(&mut self, news: &[News]) -> Result<Vec<Refusal>, Trouble> {
        let mut refusals = Refusals::default();
        match news {
            [News::Began(training)] => self.began(training, &mut refusals).await?,
            [News::TrialBegan { training, trial, at }] => self.trial_began(training, *trial, *at).await?,
            [News::Epoch { training, trial, .. }, ..] => {
                let reports = news.iter().filter_map(|news| match news {
                    News::Epoch { report, .. } => Some(report),
                    _ => None,
                });
                self.epochs(training, *trial, &reports.collect::<Vec<_>>(), &mut refusals).await?;
            }
            [News::Trial { training, report, at }] => self.trial(training, report, *at, &mut refusals).await?,
            [News::Ended(ended)] => self.ended(ended, &mut refusals).await?,
            [News::Registered(registered)] => self.registered(registered, &mut refusals).await?,
            [News::Moved(moved)] => self.moved(moved, &mut refusals).await?,
            _ => {}
        }
        Ok(refusals.0)
    }
}

/// What the server did not want of one piece of news: the rest of it is sent all the same.
#[derive(Default)]
struct Refusals(Vec<Refusal>);

impl Refusals {
    /// The answer, or none where the server refused; that is noted.
    fn note<T>(&mut self, answer: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
        match answer {
            Ok(answer) => Ok(Some(answer)),
            Err(Trouble::Refused { reason, .. }) => {
                self.0.push(Refusal(reason));
                Ok(None)
            }
            Err(trouble) => Err(trouble),
        }
    }
}
