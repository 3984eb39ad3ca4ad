//! What librdkafka calls back: assignments to be settled, errors and statistics.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Statistics};
use tokio::sync::Notify;

use crate::health::Pulse;
use crate::stream::Partition;

/// What a client's callbacks leave behind.
#[derive(Default)]
pub(super) struct Callbacks {
    pub(super) pulse: Pulse,
    /// Rebalances that wait to be settled, in order. librdkafka begins none before the one before is settled.
    rebalances: Mutex<VecDeque<Rebalance>>,
    /// Rings when there is one.
    pub(super) rebalanced: Notify,
    /// Whether nobody settles rebalances any more.
    is_closing: AtomicBool,
    /// Whether a broker was ever reached: what is refused before is the settings' fault.
    was_up: AtomicBool,
    /// A refusal that no poll will tell.
    refused: Mutex<Option<RDKafkaErrorCode>>,
}

/// A change of the assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rebalance {
    Assign(Vec<Partition>),
    Revoke { partitions: Vec<Partition>, is_lost: bool },
}

impl Callbacks {
    pub(super) fn new(pulse: Pulse) -> Self {
        Callbacks { pulse, ..Callbacks::default() }
    }

    /// The next change that is to be settled.
    pub(super) fn rebalance(&self) -> Option<Rebalance> {
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// From now on partitions are given away at once.
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
    }

    pub(super) fn was_up(&self) -> bool {
        self.was_up.load(Ordering::Acquire)
    }

    /// Takes the refusal that was told to the callback alone.
    pub(super) fn refusal(&self) -> Option<RDKafkaErrorCode> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ClientContext for Callbacks {
    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {
        // Errors come by `error` as well; the rest is for developers of librdkafka.
    }

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        // These are news of single partitions, and are told with them.
        if matches!(code, Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AutoOffsetReset)) {
            return;
        }
        // That none is left says less than what each of them said before.
        let says_nothing = code == Some(RDKafkaErrorCode::AllBrokersDown) && self.pulse.reason().is_some();
        if !says_nothing {
            self.pulse.failed(if reason.is_empty() { error.to_string() } else { reason.to_owned() });
        }
        match code {
            Some(RDKafkaErrorCode::AllBrokersDown) => self.pulse.down(),
            Some(code @ (RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SSL)) => {
                *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
            }
            _ => {}
        }
    }

    fn stats(&self, statistics: Statistics) {
        if statistics.brokers.values().any(|broker| broker.state == "UP") {
            self.was_up.store(true, Ordering::Release);
            self.pulse.up();
        } else {
            self.pulse.down();
        }
        if statistics.client_type == "consumer" {
            let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
            let lags = partitions.filter_map(|partition| u64::try_from(partition.consumer_lag).ok());
            self.pulse.lag(lags.reduce(|sum, lag| sum + lag));
        }
    }
}

impl ConsumerContext for Callbacks {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let is_assigned = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.is_closing.load(Ordering::Acquire) || list.count() == 0 {
            // Nothing to be asked about.
            let settled =
                if is_assigned { consumer.incremental_assign(list) } else { consumer.incremental_unassign(list) };
            if let Err(error) = settled {
                self.pulse.failed(error.to_string());
            }
            return;
        }
        let partitions =
            list.elements().iter().filter_map(|element| Partition::try_from(element.partition()).ok()).collect();
        let rebalance = if is_assigned {
            Rebalance::Assign(partitions)
        } else {
            Rebalance::Revoke { partitions, is_lost: consumer.assignment_lost() }
        };
        self.rebalances.lock().unwrap_or_else(PoisonError::into_inner).push_back(rebalance);
        self.rebalanced.notify_one();
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        if let Err(error) = result {
            self.pulse.failed(format!("the group's positions were not taken note of: {error}"));
        }
    }
}
