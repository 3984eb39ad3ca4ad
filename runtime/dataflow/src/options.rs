//! What a dataflow may use of the machine.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};

use crate::error::DataError;

/// What a dataflow may use of the machine.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Bytes that sorts and joins may hold before they spill; by default 60 % of the machine's memory.
    pub memory_limit: Option<usize>,
    /// Threads; by default one per core.
    pub threads: Option<usize>,
    /// The folder for spilled data; by default the system's temporary folder.
    pub spill: Option<PathBuf>,
    /// Whether reports say how their plans ran, operator by operator.
    pub explain: bool,
    /// The moment of the run in microseconds since 1970, against which the age of rows is held; by default what the
    /// machine's clock shows when the dataflow is made.
    pub now: Option<i64>,
}

/// How many of the largest memory consumers an out-of-memory message names.
const NAMED_CONSUMERS: NonZero<usize> = NonZero::<usize>::MIN;

impl Options {
    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, NonZero::get);
        self.threads.unwrap_or_else(cores).max(1)
    }

    pub(crate) fn now(&self) -> i64 {
        let clock = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.ok().and_then(|since| i64::try_from(since.as_micros()).ok()).unwrap_or_default()
        };
        self.now.unwrap_or_else(clock)
    }

    pub(crate) fn runtime(&self) -> Result<Arc<RuntimeEnv>, DataError> {
        let mut builder = RuntimeEnvBuilder::new();
        if let Some(limit) = self.memory_limit.or_else(|| machine_memory().map(|bytes| bytes / 5 * 3)) {
            let pool = TrackConsumersPool::new(FairSpillPool::new(limit), NAMED_CONSUMERS);
            builder = builder.with_memory_pool(Arc::new(pool));
        }
        if let Some(folder) = &self.spill {
            let mode = DiskManagerMode::Directories(vec![folder.clone()]);
            builder = builder.with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode));
        }
        Ok(builder.build_arc()?)
    }
}

/// The machine's memory, or what its container may use of it; none where the system does not say.
fn machine_memory() -> Option<usize> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        let kibibytes: usize = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kibibytes * 1024)
    });
    let container = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse().ok());
    machine.into_iter().chain(container).min()
}
