//! The version that answers now, with what is prepared once for all its answers.

use std::sync::Arc;

use crate::fallback::Constant;
use crate::metrics::VersionMetrics;
use crate::scorer::Scorer;

/// A scorer in service. Requests that have it finish with it, whatever is put in its place.
pub(crate) struct Current {
    pub(crate) scorer: Arc<dyn Scorer>,
    /// The fallback that is a number, with this scorer's outputs.
    pub(crate) constant: Option<Arc<Constant>>,
    pub(crate) metrics: VersionMetrics,
    /// `"model":…,"version":…,"variant":…` as answers have it.
    pub(crate) described: Vec<u8>,
}

impl Current {
    pub(crate) fn new(scorer: Arc<dyn Scorer>, constant: Option<Arc<Constant>>, metrics: VersionMetrics) -> Self {
        let version = scorer.version();
        let text = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let described = format!(
            "\"model\":{},\"version\":{},\"variant\":{}",
            text(&version.model),
            version.number,
            text(&version.variant)
        );
        Current { constant, metrics, described: described.into_bytes(), scorer }
    }
}
