//! Faults of a Kafka cluster, as librdkafka's own mock cluster plays them.

use bytes::Bytes;
use mlsys_connectors::{Record, Sink, Start};
use mlsys_plan::Call;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::reader::{LONG, State, call, open, sink, until};

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster(partitions: i32) -> Cluster {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic("events", partitions, 1).unwrap();
    cluster
}

fn events(cluster: &Cluster, group: &str) -> Call {
    call("kafka", &[("topic", "events"), ("brokers", &cluster.bootstrap_servers()), ("group", group)])
}

async fn write(sink: &mut dyn Sink, numbers: std::ops::Range<usize>) {
    let records = numbers.map(|number| Record { key: None, payload: Bytes::from(format!("{number}")) });
    tokio::time::timeout(LONG, sink.write(records.collect())).await.unwrap().unwrap();
}

fn numbers(state: &State) -> Vec<usize> {
    let mut numbers: Vec<usize> = state.texts().iter().map(|text| text.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_at_its_own_position_whatever_the_group_says() {
    let cluster = cluster(1);
    let call = events(&cluster, "own");
    write(&mut *sink(&call, &[]).unwrap(), 0..10).await;
    let mut state = State::default();
    let mut stream = open(&call, &[]).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 10 && state.caught_up.contains(&0)).await;
    assert!(stream.health().connected_since.is_some());
    stream.close().await;
    // The group's positions say 10; the reader's backup says 4.
    let mut state = State::default();
    state.positions.set(0, 4);
    let mut stream = open(&call, &[]).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 6).await;
    assert_eq!(numbers(&state), (4..10).collect::<Vec<_>>());
    assert_eq!((state.counted, state.positions.get(0)), (6, Some(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_away_is_waited_for_and_told_of() {
    let cluster = cluster(2);
    let call = events(&cluster, "away");
    write(&mut *sink(&call, &[]).unwrap(), 0..10).await;
    cluster.broker_down(1).unwrap();
    let mut state = State::default();
    let mut stream = open(&call, &[]).unwrap();
    let deadline = tokio::time::Instant::now() + LONG;
    while stream.health().last_error.is_none() {
        assert!(tokio::time::Instant::now() < deadline);
        assert!(stream.next(10, std::time::Duration::from_millis(50)).await.unwrap().is_empty());
    }
    let health = stream.health();
    assert_eq!(health.connected_since, None);
    assert!(health.last_error.unwrap().reason.contains("127.0.0.1"));
    cluster.broker_up(1).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 10).await;
    // Away in the middle.
    cluster.broker_down(1).unwrap();
    let mut sink = sink(&call, &[]).unwrap();
    let (_, ()) = tokio::join!(write(&mut *sink, 10..20), async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        cluster.broker_up(1).unwrap();
    });
    until(&mut *stream, &mut state, |state| state.seen.len() == 20).await;
    assert_eq!((numbers(&state), state.counted), ((0..20).collect(), 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_there_once_although_the_cluster_fails() {
    let cluster = cluster(1);
    let call = events(&cluster, "faults");
    cluster.request_errors(
        RDKafkaApiKey::Produce,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        ],
    );
    cluster.request_errors(
        RDKafkaApiKey::Fetch,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        ],
    );
    let mut sink = sink(&call, &[]).unwrap();
    let mut state = State::default();
    let mut stream = open(&call, &[]).unwrap();
    for batch in 0..5 {
        write(&mut *sink, batch * 10..(batch + 1) * 10).await;
    }
    until(&mut *stream, &mut state, |state| state.seen.len() == 50).await;
    assert_eq!((numbers(&state), state.counted), ((0..50).collect(), 50));
}

#[tokio::test(flavor = "multi_thread")]
async fn records_that_nobody_confirms_are_an_error() {
    let cluster = cluster(1);
    let call = events(&cluster, "lost");
    let mut sink = sink(&call, &[("delivery_timeout_ms", "1000")]).unwrap();
    write(&mut *sink, 0..1).await;
    cluster.broker_down(1).unwrap();
    let record = Record { key: None, payload: Bytes::from_static(b"x") };
    let error = tokio::time::timeout(LONG, sink.write(vec![record])).await.unwrap().unwrap_err();
    assert!(error.is_passing(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_beyond_the_end_is_a_gap() {
    let cluster = cluster(1);
    let call = events(&cluster, "anew");
    write(&mut *sink(&call, &[]).unwrap(), 0..3).await;
    let mut state = State::default();
    state.positions.set(0, 1_000);
    let mut stream = open(&call, &[]).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 3).await;
    assert_eq!(state.gaps.len(), 1, "{:?}", state.gaps);
    let told = format!("{:?}", state.gaps);
    assert!(told.contains("from: 1000, to: 0") && told.contains("made anew"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_begins_where_the_reader_wants() {
    let cluster = cluster(1);
    let call = events(&cluster, "starts");
    let mut sink = sink(&call, &[]).unwrap();
    write(&mut *sink, 0..5).await;
    let mut stream = open(&call, &[]).unwrap();
    let deadline = tokio::time::Instant::now() + LONG;
    while !stream.next(10, LONG).await.unwrap().changes.iter().any(|change| format!("{change:?}") == "Assigned([0])") {
        assert!(tokio::time::Instant::now() < deadline);
    }
    stream.seek(0, Start::End).await.unwrap();
    assert!(stream.seek(1, Start::End).await.unwrap_err().to_string().contains("partition 1 is not assigned"));
    let mut state = State::default();
    // Whoever begins at the end has to be there before anything comes.
    until(&mut *stream, &mut state, |state| state.caught_up.contains(&0)).await;
    write(&mut *sink, 5..7).await;
    until(&mut *stream, &mut state, |state| state.seen.len() == 2).await;
    assert_eq!(numbers(&state), [5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_broker_that_has_none_is_told() {
    let cluster = cluster(1);
    let mut stream = open(&events(&cluster, "tls"), &[("security", "tls")]).unwrap();
    // Whether it says so or hangs up at once is up to the broker; only the first is a refusal.
    let deadline = tokio::time::Instant::now() + LONG;
    loop {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", stream.health());
        let refused = stream.next(10, std::time::Duration::from_millis(50)).await.err();
        let is_refused = refused.is_some_and(|error| {
            let reason = error.to_string();
            reason.starts_with("kafka: refused, see `security`") && reason.contains("SSL")
        });
        if is_refused || stream.health().last_error.is_some_and(|error| error.reason.contains("SSL handshake failed")) {
            break;
        }
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_before_anything_is_tried() {
    let events = |brokers: &str, topic: &str| call("kafka", &[("topic", topic), ("brokers", brokers)]);
    let refused = |call: &Call, settings: &[(&str, &str)]| open(call, settings).err().unwrap().to_string();
    let good = events("localhost:9092", "events");
    let cases = [
        (refused(&events("localhost", "events"), &[]), "`brokers`: expected addresses"),
        (refused(&events("localhost:9092", "^events.*"), &[]), "`topic`: expected letters"),
        (refused(&good, &[("sasl_password", "hush")]), "`sasl_password`: expected `env:NAME`"),
        (refused(&good, &[("security", "sasl_tls")]), "needs `sasl_username` and `sasl_password`"),
        (refused(&good, &[("sasl_username", "me")]), "only with `security` sasl_plain"),
        (refused(&good, &[("ca_file", "/nowhere")]), "there is no file /nowhere"),
        (refused(&good, &[("tls", "yes")]), "`tls`: is not known; there are"),
        (refused(&call("pulsar", &[]), &[]), "there is no stream `pulsar`; there are kafka, nats, http_push, file"),
    ];
    for (found, expected) in cases {
        assert!(found.contains(expected) && !found.contains("hush"), "{found}");
    }
}
