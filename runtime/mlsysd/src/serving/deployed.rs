//! A deployment with its champion, its keys, its log.

use std::sync::Arc;

use mlsys_engine::serving::{ServeJob, Serving};
use mlsys_live::Reading;
use mlsys_plan::{Deployment, Fallback, Operation, Plan, Train, Value};
use mlsys_serve::log::{Log, LogOptions};
use mlsys_serve::{Keys, Metrics, Options, Scorer, Served};

use super::fallback::FeatureFallback;
use super::model::Champion;
use super::online::Online;
use super::told::{Failure, tell};

/// The variable that holds the key with which personal data is hashed in logs.
const HASH_KEY: &str = "MLSYS_LOG_KEY";

/// A deployment at work, and what makes the next version of it.
pub(super) struct Deployed {
    pub(super) served: Arc<Served>,
    pub(super) train: Train,
    pub(super) reading: Arc<Reading>,
}

impl Deployed {
    /// Loads the champion of a deployment's model.
    pub(super) async fn new(
        job: &ServeJob,
        serving: &Serving,
        online: &Arc<Online>,
        deployment: &Deployment,
        metrics: &Metrics,
    ) -> Result<Self, Failure> {
        let model = deployment.model();
        let train = train_of(&job.plan, model)?;
        let reading = Reading::new(&job.plan, &online.dataflow, model, &deployment.request)?;
        let reading = Arc::new(reading);
        let champion = Champion::load(&serving.champion(model).await?, &train, &reading, online)?;
        let fallback = match &deployment.fallback {
            Some(Fallback::Feature(feature)) => {
                let fallback = FeatureFallback::new(&champion, feature, &reading, online);
                Some(Arc::new(fallback) as Arc<dyn Scorer>)
            }
            _ => None,
        };
        let options =
            Options { keys: keys(job, deployment)?, fallback, log: log(job, deployment)?, ..Options::default() };
        let served = Served::new(deployment.clone(), Arc::new(champion), options, metrics);
        let served = served.map_err(|error| Failure::new("E0949", error.to_string(), None))?;
        if deployment.rollout.is_some() {
            tell(&format!(
                "`{}`: the champion answers every request; its rollout is not carried out yet",
                deployment.name
            ));
        }
        Ok(Deployed { served: Arc::new(served), train, reading })
    }
}

/// What of a deployment cannot be served yet.
pub(super) fn refused(deployment: &Deployment) -> Vec<Failure> {
    let refuse = |what: &str, help: &str| {
        let message = format!("deployment `{}` asks for {what}, which cannot be served yet", deployment.name);
        Failure::new("E0910", message, Some(help))
    };
    let mut refused = Vec::new();
    if deployment.stages.len() > 1 {
        refused.push(refuse("several stages", "serve each model by a deployment of its own"));
    }
    if let Some(Fallback::Call(call)) = &deployment.fallback {
        refused.push(refuse(&format!("the fallback `{}`", call.name), "fall back on a number or a feature"));
    }
    if let Some(explain) = &deployment.explain {
        refused.push(refuse(&format!("explanations by `{}`", explain.name), "leave `explain` out"));
    }
    refused
}

/// The keys of a deployment's callers, from the environment.
fn keys(job: &ServeJob, deployment: &Deployment) -> Result<Option<Keys>, Failure> {
    let Some(auth) = &deployment.auth else { return Ok(None) };
    match auth.args.get("key") {
        Some(Value::Env(name)) => {
            let variable = job.secrets.get(name).unwrap_or(name);
            let value = std::env::var(variable).ok().filter(|value| !value.trim().is_empty());
            let value = value.ok_or_else(|| {
                let message =
                    format!("deployment `{}` asks callers for a key, and `{variable}` is not set", deployment.name);
                let help =
                    format!("set `{variable}` in the environment; several keys may stand there, divided by commas");
                Failure::new("E0949", message, Some(&help))
            })?;
            Ok(Some(Keys::new(value.split(',').map(str::trim))))
        }
        Some(Value::String(key)) => Ok(Some(Keys::new([key.as_str()]))),
        _ => Ok(Some(Keys::default())),
    }
}

/// Where a deployment's answers are kept.
fn log(job: &ServeJob, deployment: &Deployment) -> Result<Option<Log>, Failure> {
    if deployment.log.is_none() {
        return Ok(None);
    }
    let mut options = LogOptions::new(job.state.join("predictions").join(&deployment.name));
    let personal = deployment.request.iter().filter(|field| field.pii).map(|field| field.name.clone());
    match std::env::var(HASH_KEY).ok().filter(|key| !key.is_empty()) {
        Some(key) => (options.hashed, options.hash_key) = (personal.collect(), key.into_bytes()),
        None => options.hidden = personal.collect(),
    }
    let folder = options.folder.clone();
    let log = Log::open(options).map_err(|error| {
        Failure::new("E0949", format!("predictions cannot be kept in `{}`: {error}", folder.display()), None)
    })?;
    Ok(Some(log))
}

fn train_of(plan: &Plan, model: &str) -> Result<Train, Failure> {
    let train = plan.nodes.iter().find_map(|node| match &node.operation {
        Operation::Train(train) if train.model == model => Some(train.clone()),
        _ => None,
    });
    train.ok_or_else(|| Failure::internal(format!("the plan has no training of `{model}`")))
}
