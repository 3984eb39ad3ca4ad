//! The doors: one listener for each address of this process, with a path for each stream.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use super::NAME;
use super::body::rows;
use super::log::{Full, Log};
use crate::error::ConnectorError;
use crate::settings::Secret;

/// The longest body, in bytes.
const LONGEST: usize = 16 << 20;

/// How long a body may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often, and after which time each, an address is tried that is in use.
const TRIES: u32 = 25;
const MOMENT: Duration = Duration::from_millis(20);

/// How many requests are read at once; together with the longest body this bounds memory.
const AT_ONCE: usize = 64;

/// The listeners of this process.
static LISTENERS: LazyLock<tokio::sync::Mutex<HashMap<SocketAddr, Weak<Listener>>>> = LazyLock::new(Default::default);

/// Who may send rows: everybody, or those with a key. Only digests are kept.
#[derive(Clone, Default)]
pub(super) struct Keys(Vec<[u8; 32]>);

impl Keys {
    /// A key and the one that replaces it: for a while both are good.
    pub(super) fn new(key: Option<Secret>, next: Option<Secret>) -> Self {
        Keys(key.iter().chain(&next).map(|key| Sha256::digest(key.expose()).into()).collect())
    }

    /// Whether a sender may come in. Comparing takes the same time however much of a key is right.
    fn admit(&self, headers: &HeaderMap) -> bool {
        let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        let shown = bearer.or_else(|| headers.get("x-api-key").map(|value| value.as_bytes())).unwrap_or_default();
        let shown: [u8; 32] = Sha256::digest(shown).into();
        let found = self.0.iter().fold(Choice::from(0), |found, key| found | key.ct_eq(&shown));
        self.0.is_empty() || found.into()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

/// A listener; it ends with the last path.
pub(super) struct Listener {
    paths: RwLock<HashMap<String, Path>>,
    at_once: Semaphore,
    /// Dropping it ends the listener.
    stop: Mutex<Option<oneshot::Sender<()>>>,
}

#[derive(Clone)]
struct Path {
    keys: Keys,
    log: Weak<Log>,
}

/// A path that is open.
pub(super) struct Entrance {
    listener: Arc<Listener>,
    path: String,
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.listener.paths.write().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Listener {
    /// Opens a path at an address, where this process may listen already.
    pub(super) async fn enter(
        address: SocketAddr,
        path: &str,
        keys: &Keys,
        log: &Arc<Log>,
    ) -> Result<Entrance, ConnectorError> {
        let mut all = LISTENERS.lock().await;
        all.retain(|_, listener| listener.strong_count() > 0);
        let listener = match all.get(&address).and_then(Weak::upgrade) {
            Some(listener) => listener,
            None => {
                let listener = Listener::bind(address).await?;
                // Port 0 is another one each time.
                if address.port() != 0 {
                    all.insert(address, Arc::downgrade(&listener));
                }
                listener
            }
        };
        {
            let mut paths = listener.paths.write().unwrap_or_else(PoisonError::into_inner);
            if paths.contains_key(path) {
                let reason = format!("another stream has {path} at {address}");
                return Err(ConnectorError::Argument { connector: NAME, argument: "path".to_owned(), reason });
            }
            paths.insert(path.to_owned(), Path { keys: keys.clone(), log: Arc::downgrade(log) });
        }
        Ok(Entrance { listener, path: path.to_owned() })
    }

    async fn bind(address: SocketAddr) -> Result<Arc<Listener>, ConnectorError> {
        let refused = |error: std::io::Error| ConnectorError::Refused {
            connector: NAME,
            setting: "port",
            reason: format!("{address}: {error}"),
        };
        let mut tries = 0;
        let socket = loop {
            match TcpListener::bind(address).await {
                // One of this process that ends takes a moment to do so.
                Err(error) if error.kind() == ErrorKind::AddrInUse && tries < TRIES => {
                    tries += 1;
                    tokio::time::sleep(MOMENT).await;
                }
                bound => break bound.map_err(refused)?,
            }
        };
        let (stop, stopped) = oneshot::channel();
        let listener = Arc::new(Listener {
            paths: RwLock::default(),
            at_once: Semaphore::new(AT_ONCE),
            stop: Mutex::new(Some(stop)),
        });
        // The listener holds nothing of itself, so that it ends when its streams do.
        let router = Router::new().fallback(answer).with_state(Arc::downgrade(&listener));
        let serve = axum::serve(socket, router).with_graceful_shutdown(async {
            let _ = stopped.await;
        });
        // It fails only if accepting does, again and again; then senders get no answer, and know.
        tokio::spawn(async { serve.await });
        Ok(listener)
    }

    fn path(&self, path: &str) -> Option<Path> {
        self.paths.read().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }
}

/// Takes the rows of a request.
async fn answer(State(listener): State<Weak<Listener>>, request: Request) -> Response {
    let Some(listener) = listener.upgrade() else { return busy("the stream has ended") };
    let (head, body) = request.into_parts();
    let Some(Path { keys, log }) = listener.path(head.uri.path()) else {
        return refuse(StatusCode::NOT_FOUND, "no stream has this path");
    };
    if head.method != Method::POST {
        let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, "expected POST");
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return response;
    }
    if !keys.admit(&head.headers) {
        return refuse(StatusCode::UNAUTHORIZED, "expected a key, as `Authorization: Bearer KEY` or `X-Api-Key: KEY`");
    }
    let Ok(_turn) = listener.at_once.try_acquire() else { return busy("too many requests at once") };
    match take(&log, &head.headers, body).await {
        Ok(count) => (StatusCode::OK, [JSON], json!({ "taken": count }).to_string()).into_response(),
        Err(response) => response,
    }
}

async fn take(log: &Weak<Log>, headers: &HeaderMap, body: Body) -> Result<usize, Response> {
    let told = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    let too_long = || refuse(StatusCode::PAYLOAD_TOO_LARGE, &format!("expected at most {LONGEST} bytes"));
    if told.is_some_and(|told| told > LONGEST) {
        return Err(too_long());
    }
    let read = tokio::time::timeout(PATIENCE, axum::body::to_bytes(body, LONGEST)).await;
    let read = read.map_err(|_| refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long"))?;
    let bytes = read.map_err(|_| too_long())?;
    let rows = rows(&bytes).map_err(|reason| refuse(StatusCode::BAD_REQUEST, &reason))?;
    let log = log.upgrade().ok_or_else(|| busy("the stream has ended"))?;
    match log.append(&rows).await {
        Ok(()) => Ok(rows.len()),
        Err(Full::Behind) => Err(busy("too many rows wait to be taken")),
        Err(Full::Broken) => Err(busy("rows cannot be stored")),
    }
}

const JSON: (header::HeaderName, &str) = (header::CONTENT_TYPE, "application/json");

fn refuse(status: StatusCode, reason: &str) -> Response {
    (status, [JSON], json!({ "error": reason }).to_string()).into_response()
}

fn busy(reason: &str) -> Response {
    let mut response = refuse(StatusCode::SERVICE_UNAVAILABLE, reason);
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    response
}
