//! Registered models, their versions and aliases.

use serde_json::{Value, json};

use super::answers::{list, required, tag};
use super::artefacts::MODEL;
use super::runs::{Run, RunState, condition};
use super::{Mlflow, Refusals, TRAINING, VERSION, limits};
use crate::news::{Moved, Registered};
use crate::tracker::{Refusal, Trouble};

/// The tag of a version that has got the aliases it was registered with.
const TOLD: &str = "mlsys.told";

impl Mlflow {
    /// What gates said, and the version, if there is one. A version that the server has keeps its aliases as they are there.
    pub(super) async fn registered(&mut self, news: &Registered, refusals: &mut Refusals) -> Result<(), Trouble> {
        let id = &news.training;
        let Some(run) = self.run(id).await?.filter(|run| run.state != RunState::Deleted) else { return Ok(()) };
        let Some(number) = news.version else {
            refusals.note(self.log(&run.id, "tags", judged(news)).await)?;
            return Ok(());
        };
        let version = match self.version(&id.model, &id.fingerprint).await? {
            Some(version) if tag(&version, TOLD).is_some() => return Ok(()),
            Some(version) => version,
            None => self.new_version(news, number, &run).await?,
        };
        let version = required(&version, "version")?;
        refusals.note(self.log(&run.id, "tags", judged(news)).await)?;
        for alias in &news.aliases {
            refusals.note(self.give(&id.model, alias, &version).await)?;
        }
        let told = json!({ "name": id.model, "version": version, "key": TOLD, "value": "true" });
        self.client.post("mlflow/model-versions/set-tag", &told).await.map(drop)
    }

    /// An alias goes to a version.
    pub(super) async fn moved(&self, news: &Moved, refusals: &mut Refusals) -> Result<(), Trouble> {
        let Some(version) = self.version(&news.model, &news.fingerprint).await? else {
            refusals.0.push(Refusal(format!(
                "version {} of `{}`, which is the {} now, is not there: it was trained while no tracking server was named",
                news.version, news.model, news.alias
            )));
            return Ok(());
        };
        self.give(&news.model, &news.alias, &required(&version, "version")?).await
    }

    async fn give(&self, model: &str, alias: &str, version: &str) -> Result<(), Trouble> {
        let body = json!({ "name": model, "alias": limits::alias(alias), "version": version });
        self.client.post("mlflow/registered-models/alias", &body).await.map(drop)
    }

    /// The version that came of a training; its number there may be another one than here, where several machines register.
    async fn version(&self, model: &str, fingerprint: &str) -> Result<Option<Value>, Trouble> {
        let filter = format!("name = '{}' and {}", model.replace('\'', "_"), condition(TRAINING, fingerprint));
        let query = [("filter", filter.as_str()), ("max_results", "10")];
        let answer = self.client.get("mlflow/model-versions/search", &query).await?;
        Ok(list(&answer, "model_versions").first().cloned())
    }

    /// Makes a version, and the model if it is the first one. If the answer is lost, the version may be there: it is looked
    /// for before another one is made.
    async fn new_version(&self, news: &Registered, number: i64, run: &Run) -> Result<Value, Trouble> {
        let Registered { training: id, .. } = news;
        match self.client.post("mlflow/registered-models/create", &json!({ "name": id.model })).await {
            Err(trouble) if !trouble.is_there() => return Err(trouble),
            _ => {}
        }
        let body = json!({
            "name": id.model,
            "source": format!("{}/{MODEL}", run.artefacts.trim_end_matches('/')),
            "run_id": run.id,
            "tags": [limits::tag(TRAINING, &id.fingerprint), limits::tag(VERSION, &number.to_string())],
            "description": format!("Version {number} of `{}` in the registry of the program `{}`.", id.model, id.program),
        });
        let mut patience = self.client.patience();
        loop {
            match self.client.post_once("mlflow/model-versions/create", &body).await {
                Ok(answer) => return Ok(answer.get("model_version").cloned().unwrap_or_default()),
                Err(trouble) => patience.after(trouble).await?,
            }
            if let Some(found) = self.version(&id.model, &id.fingerprint).await? {
                return Ok(found);
            }
        }
    }
}

/// The tags that a run gets when its gates were judged; its name becomes that of the version.
fn judged(news: &Registered) -> Vec<Value> {
    let came = if news.version.is_some() { "met" } else { "missed" };
    let mut tags = vec![limits::tag("mlsys.gates", came)];
    tags.extend(
        news.gates.iter().enumerate().map(|(place, gate)| limits::tag(&format!("mlsys.gate.{}", place + 1), gate)),
    );
    if let Some(version) = news.version {
        tags.push(limits::tag(VERSION, &version.to_string()));
        tags.push(limits::tag("mlflow.runName", &format!("{} v{version}", news.training.model)));
    }
    tags
}
