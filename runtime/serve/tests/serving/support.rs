//! A scorer that does what a test wants, a server around it, and a client.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use async_trait::async_trait;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use mlsys_plan::{Deployment, Field, Type, ValueType};
use mlsys_rows::arrow_schema;
use mlsys_serve::http::{ConnectionLimits, serve};
use mlsys_serve::{Metrics, Options, ScoreError, Scored, Scorer, Served, Server, Version};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

/// Answers `id` with twice the `id`. Some ids mean trouble.
pub(crate) struct Doubling {
    version: Version,
    outputs: Vec<Field>,
    /// A pass needs a permit, if there is a gate.
    pub(crate) gate: Option<Arc<Semaphore>>,
    /// The sizes of passes, as they began.
    pub(crate) passes: Arc<Mutex<Vec<usize>>>,
    /// Passes that are running, and the most that ever were.
    pub(crate) running: AtomicUsize,
    pub(crate) most_running: AtomicUsize,
}

/// A row with this id has no answer.
pub(crate) const WRONG: i64 = -1;
/// A pass with this id fails.
pub(crate) const POISON: i64 = -2;
/// A pass with this id panics.
pub(crate) const PANIC: i64 = -3;
/// A pass with this id cannot reach its features.
pub(crate) const UNREACHABLE: i64 = -4;

impl Doubling {
    pub(crate) fn new(number: u64) -> Self {
        let version = Version {
            model: "double".to_owned(),
            number,
            variant: "champion".to_owned(),
            artefact: format!("hash{number}"),
        };
        Doubling {
            version,
            outputs: vec![field("prediction", Type::Int64.required())],
            gate: None,
            passes: Arc::default(),
            running: AtomicUsize::new(0),
            most_running: AtomicUsize::new(0),
        }
    }

    pub(crate) fn gated(number: u64, gate: &Arc<Semaphore>) -> Self {
        Doubling { gate: Some(Arc::clone(gate)), ..Doubling::new(number) }
    }
}

struct Running<'a>(&'a AtomicUsize);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Scorer for Doubling {
    fn version(&self) -> &Version {
        &self.version
    }

    fn outputs(&self) -> &[Field] {
        &self.outputs
    }

    async fn score(&self, rows: RecordBatch, now: i64) -> Result<Scored, ScoreError> {
        assert!(now > 1_700_000_000_000_000);
        self.passes.lock().unwrap().push(rows.num_rows());
        self.most_running.fetch_max(self.running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        let _running = Running(&self.running);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let ids = rows.column_by_name("id").unwrap().as_primitive::<Int64Type>();
        let has = |id: i64| ids.values().contains(&id);
        assert!(!has(PANIC), "this model panics");
        if has(POISON) {
            return Err(ScoreError::Failed("a poisoned row".to_owned()));
        }
        if has(UNREACHABLE) {
            return Err(ScoreError::Unavailable("the store cannot be reached".to_owned()));
        }
        let doubled: ArrayRef = Arc::new(ids.values().iter().map(|id| 2 * id).collect::<Int64Array>());
        let failed = ids.values().iter().enumerate().filter(|(_, id)| **id == WRONG);
        let failed = failed.map(|(row, _)| (row, "no such thing".to_owned())).collect();
        let features = RecordBatch::try_from_iter([("group.seen", Arc::clone(&doubled))]).unwrap();
        let predictions = RecordBatch::try_new(arrow_schema(&self.outputs), vec![doubled]).unwrap();
        Ok(Scored { predictions, failed, features: Some(features) })
    }
}

pub(crate) fn field(name: &str, ty: ValueType) -> Field {
    Field { name: name.to_owned(), ty, default: None, pii: false, line: 1 }
}

/// A deployment `double` of an `id` and a `name` that may be missing.
pub(crate) fn deployment() -> Deployment {
    let request = vec![field("id", Type::Int64.required()), field("name", Type::String.optional())];
    Deployment { name: "double".to_owned(), request, ..Deployment::default() }
}

/// A server that is running.
pub(crate) struct Started {
    pub(crate) server: Arc<Server>,
    pub(crate) at: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<bool>,
}

pub(crate) async fn start(deployment: Deployment, scorer: Arc<dyn Scorer>, options: Options) -> Started {
    let metrics = Metrics::new();
    let served = Served::new(deployment, scorer, options, &metrics).unwrap();
    let server = Arc::new(Server::new([served], metrics));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(Arc::clone(&server), listener, ConnectionLimits::default(), async {
        let _ = stopped.await;
    }));
    Started { server, at, stop: Some(stop), serving }
}

pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{:?} is no JSON", self.bytes))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Started {
    pub(crate) fn served(&self) -> &Arc<Served> {
        self.server.deployments().next().unwrap()
    }

    pub(crate) async fn ask(&self, body: impl Into<String>) -> Reply {
        self.send("POST", "/v1/double/predict", &[], body.into()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], String::new()).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        send(self.at, method, path, headers, body.into()).await.unwrap()
    }

    /// Tells the server to stop.
    pub(crate) fn tell(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// Whether all requests finished.
    pub(crate) async fn stopped(self) -> bool {
        self.serving.await.unwrap()
    }

    /// Waits until as many requests are being answered.
    pub(crate) async fn wait_for_pending(&self, count: usize) {
        while self.served().pending() != count {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn send(
    at: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(at).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(body))?).await?;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await?.to_bytes();
    drop(sender);
    connection.await??;
    Ok(Reply { status: parts.status, headers: parts.headers, bytes })
}
