//! NATS JetStream against a real `nats-server`, which these tests start and end.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use async_nats::jetstream::{self, stream};
use mlsys_connectors::{Change, Start};
use mlsys_plan::Call;

use crate::reader::{LONG, State, call, open, refusal, turn, until};

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

struct Server {
    process: Child,
    folder: tempfile::TempDir,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (process, url) = run(folder.path(), "-1", arguments);
        Server { process, folder, url }
    }

    /// Ends at once, and begins again at the same address with what is on disk.
    fn restart(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let port = self.url.rsplit_once(':').unwrap().1.to_owned();
        (self.process, self.url) = run(self.folder.path(), &port, &[]);
    }

    fn events(&self) -> Call {
        call("nats", &[("subject", "events.*"), ("url", &self.url)])
    }

    async fn context(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(&self.url).await.unwrap())
    }

    async fn stream(&self) -> jetstream::Context {
        let context = self.context().await;
        context
            .create_stream(stream::Config {
                name: "all".to_owned(),
                subjects: vec![">".to_owned()],
                ..Default::default()
            })
            .await
            .unwrap();
        context
    }
}

/// Runs a server that writes its address into its folder.
fn run(folder: &Path, port: &str, arguments: &[&str]) -> (Child, String) {
    let process = Command::new("nats-server")
        .args(["-a", "127.0.0.1", "-p", port, "-js", "-sd"])
        .arg(folder.join("data"))
        .arg("--ports_file_dir")
        .arg(folder)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("`nats-server` is needed: it is in the package of that name");
    let path = folder.join(format!("nats-server_{}.ports", process.id()));
    let begin = Instant::now();
    loop {
        let ports = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<serde_json::Value>(&text).ok());
        if let Some(url) = ports.and_then(|ports| ports["nats"][0].as_str().map(str::to_owned)) {
            return (process, url);
        }
        assert!(begin.elapsed() < PATIENCE, "nats-server does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
}

async fn publish(context: &jetstream::Context, numbers: std::ops::Range<usize>) {
    for number in numbers {
        context.publish(format!("events.{}", number % 3), format!("{number}").into()).await.unwrap().await.unwrap();
        // Another subject takes numbers, too.
        context.publish("other", "x".into()).await.unwrap().await.unwrap();
    }
}

fn numbers(state: &State) -> Vec<usize> {
    state.texts().iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_goes_on_at_its_own_position_also_after_the_server_was_killed() {
    let mut server = Server::start(&[]);
    let context = server.stream().await;
    publish(&context, 0..20).await;
    let mut state = State::default();
    let mut stream = open(&server.events(), &[]).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 20 && state.caught_up.contains(&0)).await;
    assert_eq!(numbers(&state), (0..20).collect::<Vec<_>>());
    stream.close().await;
    let mut again = State::default();
    again.positions.set(0, 11);
    let mut stream = open(&server.events(), &[]).unwrap();
    until(&mut *stream, &mut again, |state| state.seen.len() == 15).await;
    assert_eq!(numbers(&again), (5..20).collect::<Vec<_>>());
    server.restart();
    let deadline = tokio::time::Instant::now() + LONG;
    while stream.health().last_error.is_none() {
        assert!(tokio::time::Instant::now() < deadline);
        turn(&mut *stream, &mut again, 10).await;
    }
    publish(&server.context().await, 20..30).await;
    until(&mut *stream, &mut again, |state| state.seen.len() == 25).await;
    assert_eq!((numbers(&again), again.counted), ((5..30).collect(), 25));
    assert!(again.gaps.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://127.0.0.1:{port}");
    let mut stream = open(&call("nats", &[("subject", "events.*"), ("url", &url)]), &[]).unwrap();
    let mut state = State::default();
    for _ in 0..3 {
        turn(&mut *stream, &mut state, 10).await;
    }
    assert!(stream.health().connected_since.is_none() && stream.health().last_error.is_some());
    let (process, url) = run(folder.path(), &port.to_string(), &[]);
    let server = Server { process, folder, url };
    let context = server.context().await;
    // Until there is a stream, asking for it is somebody's mistake.
    context
        .create_stream(stream::Config { name: "all".to_owned(), subjects: vec![">".to_owned()], ..Default::default() })
        .await
        .unwrap();
    publish(&context, 0..3).await;
    until(&mut *stream, &mut state, |state| state.seen.len() == 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_has_forgotten_is_a_gap() {
    let server = Server::start(&[]);
    let context = server.stream().await;
    publish(&context, 0..10).await;
    context.get_stream("all").await.unwrap().purge().sequence(13).await.unwrap();
    let mut state = State::default();
    state.positions.set(0, 5);
    let mut stream = open(&server.events(), &[]).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 4).await;
    assert_eq!(numbers(&state), [6, 7, 8, 9]);
    assert!(matches!(state.gaps.as_slice(), [Change::Gap { from: 5, to: 13, .. }]), "{:?}", state.gaps);
    stream.close().await;
    let mut state = State::default();
    state.positions.set(0, 500);
    let mut stream = open(&server.events(), &[]).unwrap();
    until(&mut *stream, &mut state, |state| state.seen.len() == 4).await;
    assert!(matches!(state.gaps.as_slice(), [Change::Gap { from: 500, to: 13, .. }]), "{:?}", state.gaps);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_there_can_be_passed_over() {
    let server = Server::start(&[]);
    let context = server.stream().await;
    publish(&context, 0..5).await;
    let mut stream = open(&server.events(), &[]).unwrap();
    assert_eq!(stream.next(10, LONG).await.unwrap().changes, [Change::Assigned(vec![0])]);
    stream.seek(0, Start::End).await.unwrap();
    let mut state = State::default();
    until(&mut *stream, &mut state, |state| state.caught_up.contains(&0)).await;
    publish(&context, 5..8).await;
    until(&mut *stream, &mut state, |state| state.seen.len() == 3).await;
    assert_eq!(numbers(&state), [5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_named() {
    let server = Server::start(&["--user", "me", "--pass", "sesame"]);
    let settings = |password| [("username", "me"), ("password", password)];
    let reason = refusal(&mut *open(&server.events(), &settings("env:WRONG_PASSWORD")).unwrap()).await;
    assert!(reason.starts_with("nats: refused, see `username`") && !reason.contains("not it"), "{reason}");
    let reason = refusal(&mut *open(&server.events(), &settings("env:PASSWORD")).unwrap()).await;
    assert_eq!(reason, "nats: refused, see `subject`: no stream of JetStream has it");
    let options = async_nats::ConnectOptions::with_user_and_password("me".to_owned(), "sesame".to_owned());
    let context = jetstream::new(options.connect(&server.url).await.unwrap());
    let work = stream::Config {
        name: "work".to_owned(),
        subjects: vec!["events.*".to_owned()],
        retention: stream::RetentionPolicy::WorkQueue,
        ..Default::default()
    };
    context.create_stream(work).await.unwrap();
    let reason = refusal(&mut *open(&server.events(), &settings("env:PASSWORD")).unwrap()).await;
    assert!(reason.contains("see `subject`: the stream `work` forgets"), "{reason}");
}
