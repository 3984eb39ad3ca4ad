//! The deployments of a process, and what it says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;

use crate::http::openapi;
use crate::metrics::Metrics;
use crate::refusal::{Kind, Refusal};
use crate::served::Served;

/// Extensions of the Open Inference Protocol that are spoken.
pub(crate) const EXTENSIONS: [&str; 1] = ["binary_tensor_data"];

/// The name that the server has in its metadata.
pub(crate) const NAME: &str = "mlsys";

/// The deployments of a process.
pub struct Server {
    deployments: BTreeMap<String, Arc<Served>>,
    metrics: Metrics,
    openapi: Vec<u8>,
    stopping: AtomicBool,
}

impl Server {
    /// A server of these deployments, whose metrics are in this registry.
    pub fn new(deployments: impl IntoIterator<Item = Served>, metrics: Metrics) -> Self {
        Server::of(deployments.into_iter().map(Arc::new), metrics)
    }

    /// As [`Server::new`], of deployments that others have, too.
    pub fn of(deployments: impl IntoIterator<Item = Arc<Served>>, metrics: Metrics) -> Self {
        let named = deployments.into_iter().map(|served| (served.deployment().name.clone(), served));
        let deployments: BTreeMap<_, _> = named.collect();
        let openapi = openapi::document(deployments.values().map(AsRef::as_ref));
        let openapi = serde_json::to_vec(&openapi).unwrap_or_default();
        Server { deployments, metrics, openapi, stopping: AtomicBool::new(false) }
    }

    /// A deployment by its name.
    pub fn deployment(&self, name: &str) -> Option<&Arc<Served>> {
        self.deployments.get(name)
    }

    /// All deployments, by name.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Served>> {
        self.deployments.values()
    }

    /// The registry of its metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The metrics as text, gauges read now.
    pub fn metrics_text(&self) -> String {
        self.deployments().for_each(|served| served.observe_pending());
        self.metrics.text()
    }

    /// The description of its plain protocol as OpenAPI 3.1, as JSON.
    pub fn openapi(&self) -> &[u8] {
        &self.openapi
    }

    /// Whether every deployment can answer, and the server is not stopping.
    pub fn is_ready(&self) -> bool {
        !self.stopping.load(Ordering::Acquire) && self.deployments().all(|served| served.is_ready())
    }

    /// From now on the server says that it is not ready, so that nobody sends anything new; what comes is still answered.
    pub fn prepare_to_stop(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Writes everything to its end, after the last answer.
    pub async fn stop(&self) {
        self.prepare_to_stop();
        join_all(self.deployments().map(|served| served.stop())).await;
    }

    pub(crate) fn find(&self, name: &str) -> Result<&Arc<Served>, Refusal> {
        self.deployment(name).ok_or_else(|| {
            let near = mlsys_rows::nearest(name, self.deployments.keys().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let shown: String = name.chars().take(60).collect();
            Refusal::new(Kind::NotFound, format!("there is no deployment `{shown}`{hint}"))
        })
    }

    /// A deployment as a model of the Open Inference Protocol: by its name, and the version that is asked for, if one is.
    pub(crate) fn find_version(&self, name: &str, version: Option<&str>) -> Result<&Arc<Served>, Refusal> {
        let served = self.find(name)?;
        let number = served.scorer().version().number;
        match version.filter(|version| !version.is_empty()) {
            Some(version) if version.parse() != Ok(number) => {
                let shown: String = version.chars().take(60).collect();
                let reason = format!("`{name}` has no version `{shown}`; version {number} is deployed");
                Err(Refusal::new(Kind::NotFound, reason))
            }
            _ => Ok(served),
        }
    }
}
