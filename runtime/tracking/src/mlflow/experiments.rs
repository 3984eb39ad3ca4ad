//! Experiments: one a program.

use serde_json::{Value, json};

use super::answers::{required, text};
use super::{Mlflow, limits};
use crate::tracker::Trouble;

impl Mlflow {
    /// The experiment of a program; made if there is none, brought back if it was deleted.
    pub(super) async fn experiment(&mut self, program: &str) -> Result<String, Trouble> {
        if let Some(known) = self.experiments.get(program) {
            return Ok(known.clone());
        }
        let name = limits::experiment(program);
        let id = match self.experiment_named(&name).await? {
            Some(experiment) => {
                let id = required(&experiment, "experiment_id")?;
                if text(&experiment, "lifecycle_stage") == "deleted" {
                    self.client.post("mlflow/experiments/restore", &json!({ "experiment_id": id })).await?;
                }
                id
            }
            None => self.new_experiment(&name).await?,
        };
        self.experiments.insert(program.to_owned(), id.clone());
        Ok(id)
    }

    async fn experiment_named(&self, name: &str) -> Result<Option<Value>, Trouble> {
        let answer = self.client.get("mlflow/experiments/get-by-name", &[("experiment_name", name)]).await;
        match answer {
            Ok(answer) => Ok(answer.get("experiment").cloned()),
            Err(trouble) if trouble.is_absent() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    async fn new_experiment(&self, name: &str) -> Result<String, Trouble> {
        match self.client.post("mlflow/experiments/create", &json!({ "name": name })).await {
            Ok(answer) => required(&answer, "experiment_id"),
            // Another machine was faster, or an answer was lost.
            Err(trouble) if trouble.is_there() => {
                let experiment = self.experiment_named(name).await?.unwrap_or_default();
                required(&experiment, "experiment_id")
            }
            Err(trouble) => Err(trouble),
        }
    }
}
