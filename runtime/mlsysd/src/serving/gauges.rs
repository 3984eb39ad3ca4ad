//! How streams are doing, among the metrics.

use std::fmt;
use std::sync::Arc;

use mlsys_live::Counts;
use mlsys_serve::Metrics;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::online::Online;

/// Adds what is told of streams and of entities in memory.
pub(super) fn register(metrics: &Metrics, online: &Arc<Online>) {
    let streams = Box::new(Streams(Arc::clone(online)));
    metrics.register(|registry| registry.register_collector(streams));
}

struct Streams(Arc<Online>);

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}

/// One of the numbers of a stream.
type Count = fn(&Counts) -> u64;

/// What becomes of rows.
const OUTCOMES: [(&str, Count); 11] = [
    ("counted", |counts| counts.rows),
    ("replaced", |counts| counts.replaced),
    ("duplicate", |counts| counts.duplicates),
    ("outdated", |counts| counts.outdated),
    ("in_history", |counts| counts.covered),
    ("late", |counts| counts.late),
    ("future", |counts| counts.future),
    ("malformed", |counts| counts.malformed),
    ("dropped", |counts| counts.dropped),
    ("set_aside", |counts| counts.set_aside),
    ("gone", |counts| counts.gone),
];

impl Collector for Streams {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let live = &self.0.live;
        let statuses: Vec<_> =
            live.sources().filter_map(|source| Some((source.name.as_str(), live.status(&source.name)?))).collect();
        let help = "Rows of streams by what became of them";
        let mut rows = encoder.encode_descriptor("stream_rows", help, None, MetricType::Counter)?;
        for (source, status) in &statuses {
            let counts = status.counts();
            for (outcome, count) in OUTCOMES {
                let labels = [("source", *source), ("outcome", outcome)];
                ConstCounter::new(count(&counts)).encode(rows.encode_family(&labels)?)?;
            }
        }
        let help = "Event time in seconds since 1970 before which no row comes but late ones";
        let mut watermarks = encoder.encode_descriptor("stream_watermark_seconds", help, None, MetricType::Gauge)?;
        for (source, status) in &statuses {
            let Some(watermark) = status.watermark() else { continue };
            #[expect(clippy::cast_precision_loss, reason = "microseconds of this century are exact")]
            let seconds = watermark as f64 / 1e6;
            ConstGauge::new(seconds).encode(watermarks.encode_family(&[("source", *source)])?)?;
        }
        let (entities, bytes) = live.held();
        for (name, help, value) in [
            ("online_entities", "Entities in memory", entities),
            ("online_bytes", "Bytes of entities in memory, about", bytes),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}
