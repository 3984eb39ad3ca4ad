//! A topic as a sink: records in order, once each as long as this process lives, and confirmed by all replicas.

use std::collections::VecDeque;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord};

use super::context::Callbacks;
use super::{NAME, settings};
use crate::connectors::Opening;
use crate::error::ConnectorError;
use crate::health::{Health, Pulse};
use crate::settings::Settings;
use crate::sink::{Record, Sink};

/// How long a record may take to be confirmed, in milliseconds, unless the profile says otherwise.
const TIMEOUT: u32 = 30_000;

/// How long to wait for room where none will come from confirmations.
const PAUSE: Duration = Duration::from_millis(1);

/// Opens a topic for writing.
pub(crate) fn open(opening: &Opening<'_>) -> Result<Box<dyn Sink>, ConnectorError> {
    let topic = settings::topic(opening)?;
    let mut own = Settings::new(NAME, opening.settings, opening.environment);
    let mut config = settings::client(opening, &mut own)?;
    let timeout = own.parsed::<u32>("delivery_timeout_ms", "milliseconds")?.unwrap_or(TIMEOUT);
    own.finish()?;
    config.set("enable.idempotence", "true").set("acks", "all").set("compression.type", "lz4");
    config.set("delivery.timeout.ms", timeout.to_string()).set("linger.ms", "2");
    config.set("request.timeout.ms", timeout.min(TIMEOUT).to_string());
    // Equal keys go where other clients would put them.
    config.set("partitioner", "murmur2_random").set("allow.auto.create.topics", "false");
    let pulse = Pulse::default();
    let made = config.create_with_context(Callbacks::new(pulse.clone()));
    let producer = made.map_err(|error| ConnectorError::Refused {
        connector: NAME,
        setting: "security",
        reason: error.to_string(),
    })?;
    Ok(Box::new(TopicSink { producer, topic, pulse }))
}

struct TopicSink {
    producer: FutureProducer<Callbacks>,
    topic: String,
    pulse: Pulse,
}

#[async_trait]
impl Sink for TopicSink {
    async fn write(&mut self, records: Vec<Record>) -> Result<(), ConnectorError> {
        let mut waiting = VecDeque::with_capacity(records.len());
        for record in &records {
            let pending = self.send(record, &mut waiting).await?;
            waiting.push_back(pending);
        }
        while let Some(pending) = waiting.pop_front() {
            self.confirm(pending).await?;
        }
        Ok(())
    }

    fn health(&self) -> Health {
        self.pulse.read()
    }
}

impl TopicSink {
    /// Hands a record to librdkafka; where its queue is full, what was handed over first is waited for.
    async fn send(
        &self,
        record: &Record,
        waiting: &mut VecDeque<DeliveryFuture>,
    ) -> Result<DeliveryFuture, ConnectorError> {
        let key = record.key.as_deref();
        let mut sent = FutureRecord { key, ..FutureRecord::<[u8], [u8]>::to(&self.topic).payload(&record.payload) };
        loop {
            match self.producer.send_result(sent) {
                Ok(pending) => return Ok(pending),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    sent = back;
                    match waiting.pop_front() {
                        Some(first) => self.confirm(first).await?,
                        None => tokio::time::sleep(PAUSE).await,
                    }
                }
                Err((error, _)) => return Err(self.failed(&error)),
            }
        }
    }

    async fn confirm(&self, pending: DeliveryFuture) -> Result<(), ConnectorError> {
        match pending.await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err((error, _))) => Err(self.failed(&error)),
            Err(_) => Err(ConnectorError::Away { connector: NAME, reason: "the producer has ended".to_owned() }),
        }
    }

    fn failed(&self, error: &KafkaError) -> ConnectorError {
        let code = error.rdkafka_error_code();
        // Where nothing was confirmed in time, the reason is what went wrong last.
        let cause = self.pulse.reason().filter(|_| code == Some(RDKafkaErrorCode::MessageTimedOut));
        let reason = match cause {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        };
        self.pulse.failed(reason.as_str());
        let setting = match code {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => "topic",
            Some(RDKafkaErrorCode::UnknownPartition | RDKafkaErrorCode::TopicAuthorizationFailed) => "topic",
            Some(RDKafkaErrorCode::SaslAuthenticationFailed) => "sasl_username",
            _ => return ConnectorError::Away { connector: NAME, reason },
        };
        let reason = if setting == "topic" { format!("`{}`: {reason}", self.topic) } else { reason };
        ConnectorError::Refused { connector: NAME, setting, reason }
    }
}
