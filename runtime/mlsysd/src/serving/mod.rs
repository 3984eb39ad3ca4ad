//! `mlsysd serve`: features kept fresh from streams, and endpoints that answer with them.

mod deployed;
mod endpoints;
mod fallback;
mod follow;
mod gauges;
mod model;
mod online;
mod streams;
mod told;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use mlsys_engine::serving::{ServeJob, Serving};
use mlsys_engine::{RunError, shared_registry, shared_store};
use mlsys_plan::{Deployment, Operation};
use mlsys_serve::{Metrics, Server};
use tokio::sync::watch as channel;

use self::deployed::Deployed;
use self::online::Online;
use self::told::{Failure, tell};

/// Serves until it is told to stop; a second signal does not wait for requests that are being answered.
pub(crate) fn execute(path: &Path) -> ExitCode {
    let job: ServeJob = match crate::read(path) {
        Ok(job) => job,
        Err(message) => return crate::wrong(&message),
    };
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = job.threads {
        builder.worker_threads(threads.max(1));
    }
    let runtime = match builder.enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return crate::wrong(&format!("cannot start threads: {error}")),
    };
    let outcome = runtime.block_on(serve(job));
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failures) => {
            failures.iter().for_each(Failure::tell);
            ExitCode::FAILURE
        }
    }
}

async fn serve(job: ServeJob) -> Result<(), Vec<Failure>> {
    let one = |failure: Failure| vec![failure];
    let deployments = deployments(&job).map_err(one)?;
    let refused: Vec<Failure> = deployments.iter().flat_map(deployed::refused).collect();
    if !refused.is_empty() {
        return Err(refused);
    }
    let serving = open(&job).await.map_err(|error| one(error.into()))?;
    for source in serving.outdated() {
        tell(&format!(
            "`{source}` has changed since the last run, or none has read it: `mlsysc run` brings it up to date"
        ));
    }
    let (stop, stopping) = channel::channel(false);
    let metrics = Metrics::new();
    let online = Online::open(&job, &serving, &deployments).await.map_err(one)?;
    let online = Arc::new(online);
    let mut all = Vec::new();
    for deployment in &deployments {
        all.push(Deployed::new(&job, &serving, &online, deployment, &metrics).await.map_err(one)?);
    }
    gauges::register(&metrics, &online);
    let followers = follow::followers(&job, &online, &all).map_err(one)?;
    let served = all.iter().map(|one| Arc::clone(&one.served)).collect::<Vec<_>>();
    let server = Arc::new(Server::of(served, metrics));
    let endpoints = endpoints::listen(&job, &deployments).await.map_err(one)?;
    let taking = streams::run(job.clone(), Arc::clone(&online), followers, stopping.clone());
    let end = stop.clone();
    let streams = tokio::spawn(async move {
        let outcome = taking.await;
        // Without its streams a process would answer with features that get older and older.
        if outcome.is_err() {
            let _ = end.send(true);
        }
        outcome
    });
    let watching = tokio::spawn(watch::run(job, serving, Arc::clone(&online), all, stopping.clone()));
    let answering = endpoints::answer(endpoints, Arc::clone(&server), stopping);
    tokio::spawn(told::signals(stop));
    answering.await;
    server.stop().await;
    let ended = streams.await;
    watching.abort();
    match ended {
        Ok(outcome) => outcome.map_err(one),
        Err(error) => Err(one(Failure::internal(format!("the streams' task ended: {error}")))),
    }
}

/// Opens what runs have left.
async fn open(job: &ServeJob) -> Result<Serving, RunError> {
    let store = job.store.as_deref().map(shared_store).transpose()?;
    let password = job.registry_password.as_deref();
    let registry = job.registry.as_deref().map(|address| shared_registry(address, password)).transpose()?;
    Serving::open(&job.plan, (&job.project, &job.state), store, registry.as_ref()).await
}

/// The deployments that are asked for: all that answer requests or score a stream, or those that are named.
fn deployments(job: &ServeJob) -> Result<Vec<Deployment>, Failure> {
    let mut known: BTreeMap<&str, &Deployment> = BTreeMap::new();
    for node in &job.plan.nodes {
        if let Operation::Deployment(deployment) = &node.operation {
            known.insert(&deployment.name, deployment);
        }
    }
    let is_served = |deployment: &&&Deployment| {
        !deployment.endpoints.is_empty() || deployment.scoring.iter().any(|scoring| scoring.stream)
    };
    if job.deployments.is_empty() {
        let all: Vec<Deployment> = known.values().filter(is_served).map(|deployment| (*deployment).clone()).collect();
        if all.is_empty() {
            let help =
                "a deployment answers requests with `serve http(port: …)`, or scores rows with `score stream into …`";
            return Err(Failure::new("E0946", "the program has no deployment that is served", Some(help)));
        }
        return Ok(all);
    }
    let find = |name: &String| {
        let found = known.get(name.as_str()).filter(is_served);
        found.map(|deployment| (*deployment).clone()).ok_or_else(|| {
            let names: Vec<&str> = known.values().filter(is_served).map(|one| one.name.as_str()).collect();
            let help = format!("those that are served: {}", names.join(", "));
            Failure::new("E0946", format!("the program serves no deployment `{name}`"), Some(&help))
        })
    };
    job.deployments.iter().map(find).collect()
}
