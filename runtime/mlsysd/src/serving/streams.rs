//! The jobs that take streams, and the commits of what they bring; begun again from what is stored when one fails.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mlsys_engine::serving::ServeJob;
use mlsys_live::{Follower, Job, JobOptions, Live, LiveError};
use mlsys_online::OnlineError;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::online::Online;
use super::told::{self, Failure, tell};

/// The time between two looks for what nothing can see any more.
const SWEEP: Duration = Duration::from_secs(1);

/// The times before what failed begins again.
const AGAIN: [u64; 5] = [1, 2, 5, 10, 30];

/// The time before streams begin again after another process was first.
const SOON: Duration = Duration::from_millis(200);

/// How long it has to go well for failures before not to count any more.
const WELL: Duration = Duration::from_secs(60);

/// Those who want the rows of sources.
pub(super) type Followers = BTreeMap<String, Vec<Arc<dyn Follower>>>;

/// Takes all streams until the process is to stop.
pub(super) async fn run(
    job: ServeJob,
    online: Arc<Online>,
    followers: Followers,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Failure> {
    let mut failures = 0;
    // What is wrong with arguments and settings is told at once.
    let mut jobs = open(&job, &online.live, &followers).await?;
    loop {
        let begun = Instant::now();
        let Err(error) = take(jobs, &online.live, &mut stop).await else { return Ok(()) };
        failures = if begun.elapsed() > WELL { 0 } else { failures };
        let wait = if matches!(error, LiveError::Online(OnlineError::Overtaken)) {
            tell("another process has changed the same features: streams go on from what is stored");
            SOON
        } else {
            let wait = Duration::from_secs(AGAIN[failures.min(AGAIN.len() - 1)]);
            tell(&format!("streams stopped: {error}; they begin again in {} s from what is stored", wait.as_secs()));
            failures += 1;
            wait
        };
        jobs = loop {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = told::stopped(&mut stop) => return Ok(()),
            }
            match again(&job, &online.live, &followers).await {
                Ok(jobs) => break jobs,
                Err(error @ LiveError::TakenOver { .. }) => return Err(error.into()),
                Err(error) => tell(&format!("streams do not begin again: {error}")),
            }
        };
    }
}

/// Opens streams where they are stored to go on, and nobody builds state of history.
async fn again(job: &ServeJob, live: &Live, followers: &Followers) -> Result<Vec<Job>, LiveError> {
    live.reset().await;
    live.settle().await?;
    open(job, live, followers).await
}

async fn open(job: &ServeJob, live: &Live, followers: &Followers) -> Result<Vec<Job>, LiveError> {
    let none = BTreeMap::new();
    let environment = |name: &str| {
        let variable = job.secrets.get(name).map_or(name, String::as_str);
        std::env::var(variable).ok()
    };
    let mut jobs = Vec::new();
    for source in live.sources() {
        let Some(stream) = &source.stream else { continue };
        let folder = job.state.join("streams").join(&source.name);
        let options = JobOptions {
            project: &job.project,
            folder: &folder,
            quarantine: job.state.join("quarantine").join(format!("stream.{}", source.name)),
            settings: job.connectors.get(&stream.name).unwrap_or(&none),
            environment: &environment,
            followers: followers.get(&source.name).cloned().unwrap_or_default(),
        };
        jobs.push(Job::open(live, &source.name, options).await?);
    }
    Ok(jobs)
}

/// Takes streams until the process is to stop, or one of them fails.
async fn take(jobs: Vec<Job>, live: &Arc<Live>, stop: &mut watch::Receiver<bool>) -> Result<(), LiveError> {
    let (end, ended) = watch::channel(false);
    let mut running: JoinSet<Result<(), LiveError>> = JoinSet::new();
    for mut job in jobs {
        let (live, ended) = (Arc::clone(live), ended.clone());
        running.spawn(async move { job.run(&live, ended).await });
    }
    let (mut commits, mut sweeps, mut swept) = (interval(live.commits_every()), interval(SWEEP), BTreeMap::new());
    commits.set_missed_tick_behavior(MissedTickBehavior::Delay);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let outcome = loop {
        let failed = tokio::select! {
            () = told::stopped(stop) => break Ok(()),
            Some(ended) = running.join_next() => ended.unwrap_or_else(|error| Err(LiveError::Missing(error.to_string()))),
            _ = commits.tick() => live.commit().await,
            _ = sweeps.tick() => live.sweep(&mut swept).await,
        };
        if failed.is_err() {
            break failed;
        }
    };
    let _ = end.send(true);
    let mut last = outcome;
    while let Some(ended) = running.join_next().await {
        if let (Ok(Err(error)), true) = (ended, last.is_ok()) {
            last = Err(error);
        }
    }
    last
}
