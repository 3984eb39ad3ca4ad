//! Topics of a Kafka cluster, by librdkafka.

mod consumer;
mod context;
mod producer;
mod settings;

pub(crate) use self::consumer::open as open_stream;
pub(crate) use self::producer::open as open_sink;

pub(crate) const NAME: &str = "kafka";
