//! The state of groups: those that streams keep fresh, and those that runs do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use mlsys_dataflow::Dataflow;
use mlsys_engine::serving::{ServeJob, Serving};
use mlsys_live::{History, Lease, Live, LiveError, Options};
use mlsys_online::Store;
use mlsys_online::stores::embedded::Durability;
use mlsys_online::stores::{Embedded, Memory, Redis, RedisSettings};
use mlsys_plan::{Deployment, Fallback, Operation, Plan, Source};

use super::told::{Failure, tell};

/// The folder of the embedded store in the state folder.
const FOLDER: &str = "online";

/// The state of all groups that deployments need.
pub(super) struct Online {
    pub(super) dataflow: Dataflow,
    /// Those that streams keep fresh.
    pub(super) live: Arc<Live>,
    /// Those that runs do: made anew when a run has read other rows.
    still: RwLock<Arc<Live>>,
    still_groups: Vec<String>,
}

impl Online {
    /// Opens the state of what deployments need, and takes the history of its sources.
    pub(super) async fn open(job: &ServeJob, serving: &Serving, deployments: &[Deployment]) -> Result<Self, Failure> {
        let dataflow = serving.dataflow().await?;
        let wanted = groups(&job.plan, deployments);
        let is_live = |group: &String| source_of(&job.plan, group).is_some_and(|source| source.stream.is_some());
        let (live_groups, still_groups): (Vec<String>, Vec<String>) = wanted.into_iter().partition(is_live);
        let store = store(job).await?;
        // A source whose rows are scored is read, also where no group needs it.
        let scored = scored(&job.plan, deployments);
        let histories = histories(job, serving, &live_groups)?;
        let lease = lease(&store).await?;
        let opened = async {
            let groups = (live_groups.as_slice(), scored.as_slice());
            let live = Live::open(&job.plan, dataflow.clone(), store, groups, &histories, options(job)).await?;
            live.under(lease.as_ref());
            seed(&live, &histories).await?;
            live.under(None);
            Ok::<_, LiveError>(live)
        };
        let opened = opened.await;
        end(lease).await?;
        let live = opened?;
        let still = still(job, serving, &dataflow, &still_groups).await?;
        Ok(Online { dataflow, live: Arc::new(live), still: RwLock::new(Arc::new(still)), still_groups })
    }

    /// The states in which features are looked for.
    pub(super) fn states(&self) -> [Arc<Live>; 2] {
        let still = self.still.read().unwrap_or_else(PoisonError::into_inner);
        [Arc::clone(&self.live), Arc::clone(&still)]
    }

    /// Takes what runs have left since.
    pub(super) async fn renew(&self, job: &ServeJob, serving: &Serving) -> Result<(), Failure> {
        let mut histories = BTreeMap::new();
        // Rows without a key are told apart by their time alone: they are taken at the next start.
        for source in self.live.sources().filter(|source| !source.key.is_empty()) {
            if let Some(history) = history(serving, &source.name)? {
                histories.insert(source.name.clone(), history);
            }
        }
        if self.live.wants(&histories) {
            let lease = lease(self.live.place()).await?;
            self.live.under(lease.as_ref());
            let seeded = seed(&self.live, &histories).await;
            self.live.under(None);
            end(lease).await?;
            seeded?;
        }
        if !self.still_groups.is_empty() {
            let still = still(job, serving, &self.dataflow, &self.still_groups).await?;
            *self.still.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(still);
        }
        Ok(())
    }
}

/// Leave to write alone, where several processes share the store.
async fn lease(store: &Arc<dyn Store>) -> Result<Option<Lease>, LiveError> {
    Lease::take(store, &mut || tell("waiting for another process that reads the history")).await
}

/// Lets others write again.
async fn end(lease: Option<Lease>) -> Result<(), LiveError> {
    match lease {
        Some(lease) => lease.end().await,
        None => Ok(()),
    }
}

/// The groups that runs keep, made of what they have left.
async fn still(job: &ServeJob, serving: &Serving, dataflow: &Dataflow, groups: &[String]) -> Result<Live, Failure> {
    let histories = histories(job, serving, groups)?;
    let store: Arc<dyn Store> = Arc::new(Memory::new());
    let live = Live::open(&job.plan, dataflow.clone(), store, (groups, &[]), &histories, options(job)).await?;
    seed(&live, &histories).await?;
    Ok(live)
}

async fn seed(live: &Live, histories: &BTreeMap<String, History>) -> Result<(), LiveError> {
    for (source, history) in histories {
        let begin = std::time::Instant::now();
        let mut told = begin;
        let progress = &mut |rows: u64| {
            if told.elapsed().as_secs() >= 2 {
                told = std::time::Instant::now();
                tell(&format!("reading the history of `{source}`: {rows} rows"));
            }
        };
        let rows = live.seed(source, history, progress).await?;
        if rows > 0 {
            tell(&format!("the history of `{source}`: {rows} rows in {:.1} s", begin.elapsed().as_secs_f64()));
        }
    }
    Ok(())
}

fn options(job: &ServeJob) -> Options {
    let usual = Options::default();
    Options { memory: job.memory.map_or(usual.memory, |mebibytes| mebibytes << 20), ..usual }
}

/// The online store that the profile names.
async fn store(job: &ServeJob) -> Result<Arc<dyn Store>, Failure> {
    let failed = |error: mlsys_online::OnlineError| Failure::from(LiveError::from(error));
    match job.online.as_deref() {
        None | Some("local" | "embedded") => {
            let folder = job.state.join(FOLDER);
            Ok(Arc::new(Embedded::open(&folder, Durability::Process).map_err(failed)?))
        }
        Some(address) => {
            let variable = job.secrets.get("REDIS_PASSWORD").map_or("REDIS_PASSWORD", String::as_str);
            let has_password = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
            let settings = RedisSettings {
                password: has_password.then(|| format!("env:{variable}")),
                prefix: format!("mlsys:{}:", job.plan.program),
                ..RedisSettings::new(address)
            };
            Ok(Arc::new(Redis::connect(&settings).await.map_err(failed)?))
        }
    }
}

fn histories(job: &ServeJob, serving: &Serving, groups: &[String]) -> Result<BTreeMap<String, History>, Failure> {
    let sources: BTreeSet<&str> =
        groups.iter().filter_map(|group| Some(source_of(&job.plan, group)?.name.as_str())).collect();
    let mut found = BTreeMap::new();
    for source in sources {
        match history(serving, source)? {
            Some(history) => drop(found.insert(source.to_owned(), history)),
            None => tell(&format!("no run has read `{source}`: its features begin with nothing")),
        }
    }
    Ok(found)
}

fn history(serving: &Serving, source: &str) -> Result<Option<History>, Failure> {
    let rows = serving.rows(source)?;
    Ok(rows.map(|rows| History { files: rows.files, fingerprint: rows.fingerprint }))
}

/// The groups that deployments read: those of their models, and of their fallbacks.
fn groups(plan: &Plan, deployments: &[Deployment]) -> BTreeSet<String> {
    let mut groups = BTreeSet::new();
    for deployment in deployments {
        for node in &plan.nodes {
            if let Operation::Join(join) = &node.operation
                && join.model == deployment.model()
            {
                groups.insert(join.group.clone());
            }
        }
        if let Some(Fallback::Feature(feature)) = &deployment.fallback
            && let Some((group, _)) = feature.split_once('.')
        {
            groups.insert(group.to_owned());
        }
    }
    groups
}

/// The sources whose streams are scored.
fn scored(plan: &Plan, deployments: &[Deployment]) -> Vec<String> {
    let streamed = deployments.iter().filter(|deployment| deployment.scoring.iter().any(|scoring| scoring.stream));
    let observed = streamed.filter_map(|deployment| {
        plan.nodes.iter().find_map(|node| match &node.operation {
            Operation::Observe(observe) if observe.model == deployment.model() => Some(observe.source.clone()),
            _ => None,
        })
    });
    observed.collect()
}

fn source_of<'p>(plan: &'p Plan, group: &str) -> Option<&'p Source> {
    let source = plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Features(features) if features.name == group => Some(&features.source),
        _ => None,
    })?;
    plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Source(found) if found.name == *source => Some(found),
        _ => None,
    })
}
