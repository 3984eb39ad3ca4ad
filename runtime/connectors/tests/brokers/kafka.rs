//! Kafka's protocol with a broker that is not librdkafka's: groups, restarts, and clients in another language.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use mlsys_connectors::{Change, Decoder, Quarantine, QuarantineLimits, Record, Start, Stream};
use mlsys_plan::{Call, Field, Type};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::reader::{LONG, State, call, open, refusal, sink, turn, until};
use crate::server::{Broker, python};

async fn topic(broker: &Broker, partitions: i32) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &broker.address).create().unwrap();
    let topic = NewTopic::new("events", partitions, TopicReplication::Fixed(1));
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(30)));
    admin.create_topics(&[topic], &options).await.unwrap()[0].as_ref().unwrap();
}

fn events(broker: &Broker, group: &str) -> Call {
    call("kafka", &[("topic", "events"), ("brokers", &broker.address), ("group", group)])
}

fn records(numbers: std::ops::Range<usize>) -> Vec<Record> {
    let record = |number: usize| Record {
        key: Some(Bytes::from(format!("key {}", number % 17))),
        payload: Bytes::from(format!("{{\"id\":{number}}}")),
    };
    numbers.map(record).collect()
}

fn numbers(state: &State) -> BTreeSet<usize> {
    let number = |text: &&str| text.trim_start_matches("{\"id\":").trim_end_matches('}').parse().unwrap();
    state.texts().iter().map(number).collect()
}

const GROUP: [(&str, &str); 1] = [("session_timeout_ms", "6000")];

/// What a group of readers commits to one store: a message counts when it is committed with its partition's position.
async fn share(streams: &mut [Option<Box<dyn Stream>>], state: &mut State, owners: &mut BTreeMap<u32, usize>) {
    for (number, stream) in streams.iter_mut().enumerate() {
        let Some(stream) = stream else { continue };
        for change in turn(&mut **stream, state, 50).await {
            match change {
                Change::Assigned(partitions) => {
                    for partition in partitions {
                        assert_eq!(owners.insert(partition, number), None, "{partition} has two owners");
                    }
                }
                Change::Revoked(partitions) | Change::Lost(partitions) => {
                    for partition in partitions {
                        assert_eq!(owners.remove(&partition), Some(number), "{partition} had another owner");
                    }
                }
                _ => {}
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_shares_partitions_and_counts_every_message_once() {
    let broker = Broker::start();
    topic(&broker, 4).await;
    let call = events(&broker, "shared");
    let mut sink = sink(&call, &[]).unwrap();
    let (mut state, mut owners) = (State::default(), BTreeMap::new());
    let mut streams = [Some(open(&call, &GROUP).unwrap()), None];
    let deadline = tokio::time::Instant::now() + LONG * 2;
    let mut written = 0;
    // One alone, two together, the other alone.
    for (phase, members) in [1, 2, 1].into_iter().enumerate() {
        loop {
            assert!(tokio::time::Instant::now() < deadline, "phase {phase}: {owners:?} {} {written}", state.counted);
            sink.write(records(written..written + 40)).await.unwrap();
            written += 40;
            share(&mut streams, &mut state, &mut owners).await;
            let sharing = owners.values().collect::<BTreeSet<_>>().len();
            if owners.len() == 4 && sharing == members {
                break;
            }
        }
        match phase {
            0 => streams[1] = Some(open(&call, &GROUP).unwrap()),
            1 => {
                streams[0].take().unwrap().close().await;
                owners.retain(|_, owner| *owner != 0);
            }
            _ => {}
        }
    }
    while state.seen.len() < written {
        assert!(tokio::time::Instant::now() < deadline, "{} of {written}", state.seen.len());
        share(&mut streams, &mut state, &mut owners).await;
    }
    assert_eq!((state.counted, numbers(&state)), (written, (0..written).collect()));
    assert!(state.gaps.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_killed_goes_on_with_what_it_committed() {
    let broker = Broker::start();
    topic(&broker, 2).await;
    let call = events(&broker, "killed");
    sink(&call, &[]).unwrap().write(records(0..300)).await.unwrap();
    let mut state = State::default();
    let mut stream = open(&call, &GROUP).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() > 50).await;
    // Delivered, but never committed: lost with the process.
    let _ = stream.next(60, LONG).await.unwrap();
    drop(stream);
    let mut stream = open(&call, &GROUP).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 300).await;
    assert_eq!((state.counted, numbers(&state)), (300, (0..300).collect()));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_no_rows_are_set_aside_and_stop_nothing() {
    let broker = Broker::start();
    topic(&broker, 1).await;
    let call = events(&broker, "malformed");
    let payloads = ["{\"id\":1}", "{\"id\":", "{\"id\":\"x\"}", "[]", "{\"id\":2}"];
    let payloads = payloads.map(|text| Record { key: None, payload: Bytes::from_static(text.as_bytes()) });
    sink(&call, &[]).unwrap().write(payloads.to_vec()).await.unwrap();
    let field = Field { name: "id".to_owned(), ty: Type::Int64.required(), default: None, pii: false, line: 1 };
    let mut decoder = Decoder::new(&call, &BTreeMap::new(), &|_| None, &[field]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut quarantine = Quarantine::open(folder.path(), QuarantineLimits::default()).unwrap();
    let mut stream = open(&call, &GROUP).unwrap();
    let (mut rows, deadline) = (0, tokio::time::Instant::now() + LONG);
    while rows + quarantine.count() < 5 {
        assert!(tokio::time::Instant::now() < deadline);
        let delivery = stream.next(2, LONG).await.unwrap();
        let decoded = decoder.decode(&delivery.messages).await.unwrap();
        rows += decoded.rows.num_rows() as u64;
        quarantine.append(delivery.malformed.iter().chain(&decoded.malformed)).unwrap();
        quarantine.sync().unwrap();
    }
    let kept = std::fs::read_to_string(folder.path().join("00000000.ndjson")).unwrap();
    let offsets: Vec<u64> = kept
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["offset"].as_u64().unwrap())
        .collect();
    assert_eq!((rows, offsets), (2, vec![1, 2, 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_named() {
    let broker = Broker::start();
    let call = call("kafka", &[("topic", "nowhere"), ("brokers", &broker.address), ("group", "none")]);
    let reason = refusal(&mut *open(&call, &GROUP).unwrap()).await;
    assert!(reason.starts_with("kafka: refused, see `topic`: `nowhere`"), "{reason}");
    let record = Record { key: None, payload: Bytes::from_static(b"x") };
    let reason = sink(&call, &[]).unwrap().write(vec![record]).await.unwrap_err().to_string();
    assert!(reason.contains("see `topic`: `nowhere`"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_in_python_read_what_is_written_and_write_what_is_read() {
    const CONSUME: &str = r"
import sys
from confluent_kafka import Consumer
address, count = sys.argv[1], int(sys.argv[2])
consumer = Consumer({'bootstrap.servers': address, 'group.id': 'python', 'auto.offset.reset': 'earliest'})
consumer.subscribe(['events'])
seen = []
while len(seen) < count:
    message = consumer.poll(30)
    assert message is not None and message.error() is None, message
    seen.append((message.partition(), message.key().decode(), message.value().decode()))
consumer.close()
for partition, key, value in seen:
    print(partition, key, value, sep='\t')
";
    const PRODUCE: &str = r"
import sys
from confluent_kafka import Producer
producer = Producer({'bootstrap.servers': sys.argv[1], 'enable.idempotence': True, 'compression.type': 'zstd'})
for line in sys.stdin:
    producer.produce('events', key=b'python', value=line.rstrip('\n').encode())
assert producer.flush(30) == 0
";
    let broker = Broker::start();
    topic(&broker, 3).await;
    let call = events(&broker, "rust");
    sink(&call, &[]).unwrap().write(records(0..100)).await.unwrap();
    let printed = python(CONSUME, &broker, &["100"], "");
    let mut partitions = BTreeMap::<&str, BTreeSet<&str>>::new();
    let mut order = BTreeMap::<&str, Vec<usize>>::new();
    for line in printed.lines() {
        let [partition, key, value] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        partitions.entry(key).or_default().insert(partition);
        order.entry(key).or_default().push(value[6..value.len() - 1].parse().unwrap());
    }
    assert!(partitions.values().all(|partitions| partitions.len() == 1), "{partitions:?}");
    assert!(order.values().all(|numbers| numbers.is_sorted()), "{order:?}");
    assert_eq!(order.values().flatten().copied().collect::<BTreeSet<_>>(), (0..100).collect());
    let lines: String = (100..200).map(|number| format!("{{\"id\":{number}}}\n")).collect();
    python(PRODUCE, &broker, &[], &lines);
    let mut state = State::default();
    let mut stream = open(&call, &GROUP).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 200).await;
    assert_eq!(numbers(&state), (0..200).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_begins_at_a_time() {
    let broker = Broker::start();
    topic(&broker, 1).await;
    let call = events(&broker, "since");
    let mut sink = sink(&call, &[]).unwrap();
    sink.write(records(0..3)).await.unwrap();
    // Kafka's times are milliseconds.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    tokio::time::sleep(Duration::from_millis(20)).await;
    sink.write(records(3..5)).await.unwrap();
    let mut stream = open(&call, &GROUP).unwrap();
    let deadline = tokio::time::Instant::now() + LONG;
    while !stream.next(10, LONG).await.unwrap().changes.contains(&Change::Assigned(vec![0])) {
        assert!(tokio::time::Instant::now() < deadline);
    }
    stream.seek(0, Start::Since(i64::try_from(since).unwrap())).await.unwrap();
    let mut state = State::default();
    until(&mut *stream, &mut state, |state| state.caught_up.contains(&0) && !state.seen.is_empty()).await;
    assert_eq!(numbers(&state), BTreeSet::from([3, 4]));
}
