//! A small MLflow over a socket, which does as a script says, and what it is told.

mod server;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mlsys_plan::{Part, Task};
use mlsys_tracking::mlflow::{Credentials, Mlflow};
use mlsys_tracking::{Address, Id, News, Pace, Spool, Tracking, TrackingReport, Training};
use mlsys_training::{EpochReport, PartReport, Score, Scores, TrainReport};

pub(crate) use server::{Answer, Asked, Server, nobody};

/// The epochs of the training that is told of: more than one request takes.
pub(crate) const EPOCHS: usize = 1200;

/// A state folder with a model in it.
pub(crate) struct Place(tempfile::TempDir);

/// As short as tests need it.
pub(crate) fn pace() -> Pace {
    Pace {
        connect: Duration::from_secs(1),
        request: Duration::from_secs(1),
        attempts: 3,
        pause: Duration::from_millis(10),
        longest_pause: Duration::from_secs(2),
        away: Duration::from_millis(100),
        flush: Duration::from_secs(5),
        bytes_per_second: 1 << 20,
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Place(tempfile::tempdir().unwrap());
        std::fs::create_dir(place.model()).unwrap();
        for (name, bytes) in [("report.json", b"{\"a\": 1}".to_vec()), ("model.json", b"{}".to_vec())] {
            std::fs::write(place.model().join(name), bytes).unwrap();
        }
        std::fs::write(place.model().join("weights #1.bin"), vec![7; 3 << 20]).unwrap();
        place
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.0.path().join("model")
    }

    pub(crate) fn spool(&self) -> PathBuf {
        std::fs::read_dir(self.0.path().join("tracking"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .next()
            .unwrap_or_default()
    }

    pub(crate) fn tracking(&self, address: &str, credentials: &Credentials) -> Tracking {
        let address = Address::read(address).unwrap();
        let spool = Spool::of(self.0.path(), &address);
        let mlflow = Mlflow::new(address, credentials.clone(), pace()).unwrap();
        Tracking::begin(Box::new(mlflow), spool, pace())
    }

    /// A run that tells news.
    pub(crate) async fn tell(
        &self,
        address: &str,
        credentials: &Credentials,
        news: impl IntoIterator<Item = News>,
    ) -> TrackingReport {
        let tracking = self.tracking(address, credentials);
        news.into_iter().for_each(|news| tracking.tell(news));
        tracking.end().await
    }
}

pub(crate) fn training() -> Training {
    let id = Id { program: "shop".to_owned(), model: "fraud".to_owned(), fingerprint: "f00d".to_owned() };
    let params = vec![("learner".to_owned(), "mlp".to_owned())];
    Training { id, began_at: 1000, params, tags: vec![("mlsys.plan".to_owned(), "abc".to_owned())] }
}

pub(crate) fn report() -> TrainReport {
    let scores = || Scores(vec![Score { metric: "auc".to_owned(), value: 0.71, interval: None }]);
    let part = PartReport {
        rows: 100,
        positives: None,
        metrics: scores(),
        baselines: BTreeMap::new(),
        slices: Vec::new(),
        curves: None,
    };
    let epochs = (1..=u32::try_from(EPOCHS).unwrap())
        .map(|epoch| EpochReport { epoch, loss: 0.5, validate: scores(), seconds: f64::from(epoch) })
        .collect();
    TrainReport {
        task: Task::Binary,
        parts: BTreeMap::from([(Part::Test, part)]),
        left_out: 0,
        epochs,
        best_epoch: 1,
        parameters: 10,
        inputs: Vec::new(),
        importance: Vec::new(),
        trials: Vec::new(),
        best_trial: None,
        folds: Vec::new(),
        rows_per_second: None,
        seconds: 20.0,
    }
}
