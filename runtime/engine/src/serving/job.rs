//! The contract between `mlsysc serve` and the process that serves: what, from where, and where to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use mlsys_plan::Plan;
use serde::{Deserialize, Serialize};

/// What a serving process is asked to do. No secret is in it: names of environment variables are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServeJob {
    /// The plan.
    pub plan: Plan,
    /// The deployments; none for all of them.
    pub deployments: Vec<String>,
    /// The project's folder, which paths in the plan are relative to.
    pub project: PathBuf,
    /// The state folder.
    pub state: PathBuf,
    /// The address of the store that machines share.
    pub store: Option<String>,
    /// The address of the registry that machines share.
    pub registry: Option<String>,
    /// The variable that holds its password.
    pub registry_password: Option<String>,
    /// The address of the online store; none for the embedded one.
    pub online: Option<String>,
    /// Environment variables by the names that the program uses.
    pub secrets: BTreeMap<String, String>,
    /// The settings of connectors, by their names.
    pub connectors: BTreeMap<String, BTreeMap<String, String>>,
    /// The address to listen on.
    pub host: String,
    /// Threads; none for one per core.
    pub threads: Option<usize>,
    /// MiB of entities' recent rows that are held in memory.
    pub memory: Option<usize>,
}
