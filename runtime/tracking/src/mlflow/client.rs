//! Requests: sent again after a pause where that may help, and never with a secret in a message.

use std::collections::hash_map::RandomState;
use std::fmt::{self, Debug, Formatter};
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_LENGTH, RETRY_AFTER};
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode, redirect};
use serde_json::Value;

use crate::address::Address;
use crate::pace::Pace;
use crate::tracker::Trouble;

/// How large an answer may be, in bytes.
const MOST: usize = 16 << 20;

/// How much of what a server says is repeated.
const SHOWN: usize = 200;

/// What is below the address.
const API: &str = "api/2.0/";

pub(super) const NOT_MLFLOW: &str =
    "check `tracking` in `mlsys.toml`: it is the address that `mlflow.set_tracking_uri` takes";

const DENIED: &str = "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD";

/// Who asks.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody in particular.
    #[default]
    None,
    /// Whoever has this token.
    Token(String),
    /// A user with a password.
    User(String, String),
}

/// Without what is secret.
impl Debug for Credentials {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credentials::None => "None",
            Credentials::Token(_) => "Token(…)",
            Credentials::User(..) => "User(…)",
        })
    }
}

impl Credentials {
    /// Those of the environment, as MLflow's own client reads them: user and password, or else a token.
    pub fn from_environment() -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let user = variable("MLFLOW_TRACKING_USERNAME").zip(variable("MLFLOW_TRACKING_PASSWORD"));
        match (user, variable("MLFLOW_TRACKING_TOKEN")) {
            (Some((user, password)), _) => Credentials::User(user, password),
            (None, Some(token)) => Credentials::Token(token),
            (None, None) => Credentials::None,
        }
    }
}

/// Speaks with a server.
pub(super) struct Client {
    http: reqwest::Client,
    address: Address,
    credentials: Credentials,
    pub(super) pace: Pace,
}

impl Client {
    pub(super) fn new(address: Address, credentials: Credentials, pace: Pace) -> Result<Self, Trouble> {
        // A server that sends elsewhere would get the request, and its credentials, somewhere that nobody has named.
        let http = reqwest::Client::builder()
            .connect_timeout(pace.connect)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("mlsys/", env!("CARGO_PKG_VERSION")));
        let http = if address.is_here() { http.no_proxy() } else { http };
        let http = http.build().map_err(|error| Trouble::Closed {
            reason: format!("no connection can be made: {}", cause(&error)),
            help: "check the certificates of this system",
        })?;
        Ok(Client { http, address, credentials, pace })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Attempts of something that needs several requests.
    pub(super) fn patience(&self) -> Patience<'_> {
        Patience { pace: &self.pace, attempts: 0 }
    }

    /// Asks for something.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, Trouble> {
        let mut patience = self.patience();
        loop {
            match self.once(self.request(Method::GET, path).query(query)).await {
                Err(trouble) => patience.after(trouble).await?,
                answer => return answer,
            }
        }
    }

    /// Sends something that may be sent twice.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        let mut patience = self.patience();
        loop {
            match self.post_once(path, body).await {
                Err(trouble) => patience.after(trouble).await?,
                answer => return answer,
            }
        }
    }

    /// Sends something once.
    pub(super) async fn post_once(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        let request = self.request(Method::POST, path).header("content-type", "application/json");
        self.once(request.body(body.to_string())).await
    }

    /// Sends a file, a piece at a time.
    pub(super) async fn put_file(&self, path: &str, file: &Path) -> Result<(), Trouble> {
        let mut patience = self.patience();
        loop {
            match self.put_once(path, file).await {
                Err(trouble) => patience.after(trouble).await?,
                answer => return answer,
            }
        }
    }

    async fn put_once(&self, path: &str, file: &Path) -> Result<(), Trouble> {
        let gone = |error: std::io::Error| Trouble::Refused {
            code: "GONE".to_owned(),
            reason: format!("`{}` cannot be read: {error}", file.display()),
        };
        let opened = tokio::fs::File::open(file).await.map_err(gone)?;
        let size = opened.metadata().await.map_err(gone)?.len();
        let request = self.request(Method::PUT, path).header(CONTENT_LENGTH, size);
        let request = request.timeout(self.pace.request + self.pace.of_bytes(size)).body(Body::from(opened));
        self.once(request).await.map(drop)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, self.address.at(&format!("{API}{path}"))).timeout(self.pace.request);
        match &self.credentials {
            Credentials::None => request,
            Credentials::Token(token) => request.bearer_auth(token),
            Credentials::User(user, password) => request.basic_auth(user, Some(password)),
        }
    }

    async fn once(&self, request: RequestBuilder) -> Result<Value, Trouble> {
        let mut response = request.send().await.map_err(|error| lost(&error))?;
        let (status, again) = (response.status(), retry_after(&response));
        let text = body(&mut response).await?;
        let answer: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
        if status.is_success() {
            // Some answers are empty, such as that to a file.
            let answer = answer.or_else(|| text.trim().is_empty().then(|| Value::Object(serde_json::Map::new())));
            return answer.ok_or_else(|| closed("what answers there is no MLflow server", NOT_MLFLOW));
        }
        Err(refused(status, again, answer.as_ref()))
    }
}

/// How often something is attempted.
pub(super) struct Patience<'a> {
    pace: &'a Pace,
    attempts: u32,
}

impl Patience<'_> {
    /// A pause after a failure that may pass, with a share of chance in it, so that many machines do not come back at once.
    ///
    /// # Errors
    /// The failure, if it does not pass, or there were enough attempts.
    pub(super) async fn after(&mut self, trouble: Trouble) -> Result<(), Trouble> {
        let Trouble::Away { again, .. } = &trouble else { return Err(trouble) };
        self.attempts += 1;
        if self.attempts >= self.pace.attempts {
            return Err(trouble.given_up());
        }
        let doubled = self.pace.pause.saturating_mul(1 << (self.attempts - 1).min(16));
        let by_chance = RandomState::new().build_hasher().finish() % 512;
        let doubled = doubled.saturating_mul(512 + u32::try_from(by_chance).unwrap_or_default()) / 1024;
        let pause = again.map_or(doubled, Duration::from_secs);
        tokio::time::sleep(pause.min(self.pace.longest_pause)).await;
        Ok(())
    }
}

/// What a server wants to be waited for, in seconds (RFC 9110, section 10.2.3: a number, or a date).
fn retry_after(response: &Response) -> Option<u64> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    text.parse().ok().or_else(|| {
        let at = chrono::DateTime::parse_from_rfc2822(text).ok()?;
        u64::try_from(at.signed_duration_since(chrono::Utc::now()).num_seconds().max(0)).ok()
    })
}

/// The answer's text, which is not kept beyond a bound.
async fn body(response: &mut Response) -> Result<String, Trouble> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| lost(&error))? {
        if bytes.len() + piece.len() > MOST {
            return Err(closed("its answer has no end", NOT_MLFLOW));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A request without an answer.
fn lost(error: &reqwest::Error) -> Trouble {
    Trouble::away(if error.is_timeout() {
        "it does not answer in time".to_owned()
    } else if error.is_connect() {
        format!("it cannot be reached ({})", cause(error))
    } else {
        format!("the connection was cut ({})", cause(error))
    })
}

/// An answer that says no.
fn refused(status: StatusCode, again: Option<u64>, answer: Option<&Value>) -> Trouble {
    let field = |name: &str| answer.and_then(|answer| answer.get(name)).and_then(Value::as_str);
    let code = field("error_code").map(shown);
    let said = field("message").map(|message| format!(": {}", shown(message))).unwrap_or_default();
    let reason = format!("{}{said}", status_text(status));
    match status {
        StatusCode::UNAUTHORIZED => closed("it refuses the credentials", DENIED),
        StatusCode::FORBIDDEN => closed(&format!("it does not allow this ({reason})"), DENIED),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Trouble::Away { reason, again, code: None },
        _ if status.is_server_error() => Trouble::Away { reason, again, code },
        _ if status.is_redirection() => closed("it sends elsewhere", NOT_MLFLOW),
        _ => match code {
            Some(code) if code != "ENDPOINT_NOT_FOUND" => Trouble::Refused { code, reason },
            // A proxy that finds a file too large says so in its own words.
            _ if status == StatusCode::PAYLOAD_TOO_LARGE => Trouble::Refused { code: String::new(), reason },
            _ => closed(&format!("what answers there is no MLflow server ({reason})"), NOT_MLFLOW),
        },
    }
}

pub(super) fn closed(reason: &str, help: &'static str) -> Trouble {
    Trouble::Closed { reason: reason.to_owned(), help }
}

fn status_text(status: StatusCode) -> String {
    let words = status.canonical_reason().map(|words| format!(" {words}")).unwrap_or_default();
    format!("status {}{words}", status.as_u16())
}

/// The innermost reason of an error, which names no address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    shown(&cause.to_string())
}

/// One line of what others say.
fn shown(text: &str) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    line.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect::<String>().trim().to_owned()
}
