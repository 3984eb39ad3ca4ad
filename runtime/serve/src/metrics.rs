//! What is measured, for Prometheus: names with base units, one registry for a server.
//!
//! Others add theirs by [`Metrics::register`], under `mlsys_` as well.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::scorer::Version;

/// Bounds of durations in seconds: those of OpenTelemetry's HTTP metrics, and finer ones below.
const SECONDS: [f64; 17] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Bounds of batch sizes in rows.
const ROWS: [f64; 11] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

/// The metrics of a server.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    families: Families,
}

#[derive(Clone)]
struct Families {
    requests: Family<RequestLabels, Counter>,
    duration: Family<Deployed, Histogram, fn() -> Histogram>,
    queue: Family<Deployed, Histogram, fn() -> Histogram>,
    batch_size: Family<Deployed, Histogram, fn() -> Histogram>,
    releases: Family<Reasoned, Counter>,
    pending: Family<Deployed, Gauge>,
    rejected: Family<Reasoned, Counter>,
    fallbacks: Family<Reasoned, Counter>,
    cache_hits: Family<Deployed, Counter>,
    cache_misses: Family<Deployed, Counter>,
    logged: Family<Deployed, Counter>,
    log_dropped: Family<Deployed, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    deployment: String,
    model: String,
    version: u64,
    variant: String,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Deployed {
    deployment: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reasoned {
    deployment: String,
    reason: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl Metrics {
    /// A registry with the metrics of serving in it.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("mlsys");
        let families = Families::registered(&mut registry);
        Metrics { registry: Arc::new(Mutex::new(registry)), families }
    }

    /// Lets others register their metrics; the prefix `mlsys_` is put before each name.
    pub fn register<T>(&self, with: impl FnOnce(&mut Registry) -> T) -> T {
        with(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// All metrics as OpenMetrics text, which Prometheus reads.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }

    /// The metrics of one deployment.
    pub(crate) fn deployment(&self, name: &str) -> DeploymentMetrics {
        let labels = Deployed { deployment: name.to_owned() };
        let families = self.families.clone();
        DeploymentMetrics {
            duration: families.duration.get_or_create_owned(&labels),
            queue: families.queue.get_or_create_owned(&labels),
            batch_size: families.batch_size.get_or_create_owned(&labels),
            pending: families.pending.get_or_create_owned(&labels),
            cache_hits: families.cache_hits.get_or_create_owned(&labels),
            cache_misses: families.cache_misses.get_or_create_owned(&labels),
            logged: families.logged.get_or_create_owned(&labels),
            log_dropped: families.log_dropped.get_or_create_owned(&labels),
            releases: Release::ALL.map(|release| {
                let labels = Reasoned { deployment: name.to_owned(), reason: release.name().to_owned() };
                families.releases.get_or_create_owned(&labels)
            }),
            families,
            labels,
        }
    }
}

impl Families {
    fn registered(registry: &mut Registry) -> Self {
        let seconds: fn() -> Histogram = || Histogram::new(SECONDS);
        let rows: fn() -> Histogram = || Histogram::new(ROWS);
        let families = Families {
            requests: Family::default(),
            duration: Family::new_with_constructor(seconds),
            queue: Family::new_with_constructor(seconds),
            batch_size: Family::new_with_constructor(rows),
            releases: Family::default(),
            pending: Family::default(),
            rejected: Family::default(),
            fallbacks: Family::default(),
            cache_hits: Family::default(),
            cache_misses: Family::default(),
            logged: Family::default(),
            log_dropped: Family::default(),
        };
        let Families { requests, duration, queue, batch_size, releases, pending, rejected, fallbacks, .. } = &families;
        registry.register("inference_requests", "Requests by version and status", requests.clone());
        registry.register(
            "inference_request_duration_seconds",
            "From the request's head to its answer",
            duration.clone(),
        );
        registry.register("inference_queue_duration_seconds", "From a request to the pass it is in", queue.clone());
        registry.register("inference_batch_size", "Rows of a pass", batch_size.clone());
        registry.register("inference_batch_release", "Passes by what set them off", releases.clone());
        registry.register("inference_pending_requests", "Requests that are being answered", pending.clone());
        registry.register("inference_rejected", "Requests that were not taken, by the reason", rejected.clone());
        registry.register("inference_fallbacks", "Answers that were the fallback, by the reason", fallbacks.clone());
        registry.register("cache_hits", "Answers from the cache", families.cache_hits.clone());
        registry.register("cache_misses", "Answers that the cache did not have", families.cache_misses.clone());
        registry.register("payload_log_rows", "Rows in the prediction log", families.logged.clone());
        registry.register("payload_log_dropped", "Answers that the log had no room for", families.log_dropped.clone());
        families
    }
}

/// What set a pass off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// No more rows may be in one pass.
    Full,
    /// The first row has waited for the delay.
    Delay,
    /// A pass was free.
    Idle,
    /// The server is stopping.
    Shutdown,
}

impl Release {
    const ALL: [Release; 4] = [Release::Full, Release::Delay, Release::Idle, Release::Shutdown];

    fn name(self) -> &'static str {
        match self {
            Release::Full => "full",
            Release::Delay => "delay",
            Release::Idle => "idle",
            Release::Shutdown => "shutdown",
        }
    }
}

/// The metrics of one deployment, found once.
#[derive(Clone)]
pub(crate) struct DeploymentMetrics {
    families: Families,
    labels: Deployed,
    duration: Histogram,
    queue: Histogram,
    batch_size: Histogram,
    pub(crate) pending: Gauge,
    pub(crate) cache_hits: Counter,
    pub(crate) cache_misses: Counter,
    pub(crate) logged: Counter,
    pub(crate) log_dropped: Counter,
    releases: [Counter; 4],
}

impl DeploymentMetrics {
    /// The counters of a version.
    pub(crate) fn version(&self, version: &Version) -> VersionMetrics {
        let labels = RequestLabels {
            deployment: self.labels.deployment.clone(),
            model: version.model.clone(),
            version: version.number,
            variant: version.variant.clone(),
            code: 200,
        };
        let answered = self.families.requests.get_or_create_owned(&labels);
        VersionMetrics { requests: self.families.requests.clone(), labels, answered }
    }

    pub(crate) fn took(&self, duration: Duration) {
        self.duration.observe(duration.as_secs_f64());
    }

    pub(crate) fn waited(&self, duration: Duration) {
        self.queue.observe(duration.as_secs_f64());
    }

    pub(crate) fn released(&self, release: Release, rows: usize) {
        self.releases[release as usize].inc();
        #[expect(clippy::cast_precision_loss, reason = "a pass has few rows")]
        self.batch_size.observe(rows as f64);
    }

    pub(crate) fn rejected(&self, reason: &str) {
        self.families.rejected.get_or_create(&self.reasoned(reason)).inc();
    }

    pub(crate) fn fell_back(&self, reason: &str) {
        self.families.fallbacks.get_or_create(&self.reasoned(reason)).inc();
    }

    fn reasoned(&self, reason: &str) -> Reasoned {
        Reasoned { deployment: self.labels.deployment.clone(), reason: reason.to_owned() }
    }
}

/// The counters of a version.
#[derive(Clone)]
pub(crate) struct VersionMetrics {
    requests: Family<RequestLabels, Counter>,
    labels: RequestLabels,
    answered: Counter,
}

impl VersionMetrics {
    pub(crate) fn answered(&self) {
        self.answered.inc();
    }

    pub(crate) fn refused(&self, code: u16) {
        self.requests.get_or_create(&RequestLabels { code, ..self.labels.clone() }).inc();
    }
}
