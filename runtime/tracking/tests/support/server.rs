//! A server on a free port of this machine: HTTP/1.1, as little of it as is needed, one task a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How a request is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status, further headers, and a body; nothing is done.
    Status(u16, &'static str, &'static str),
    /// The connection is cut, nothing is done.
    Cut,
    /// What was asked is done, and the connection is cut.
    DoneAndCut,
    /// As it should be, after a while.
    Slow(Duration),
    /// There is no answer.
    Never,
    /// The answer has no end.
    Endless,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
    authorization: String,
}

/// What the server has been told, and how it is to answer.
#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    /// Answers to the next requests whose path holds a text.
    script: Vec<(&'static str, Vec<Answer>)>,
    /// The answer to everything.
    always: Option<Answer>,
    /// What the header `authorization` must say.
    expected: Option<&'static str>,
    /// The tags of runs and versions, and the status of the run.
    runs: Vec<BTreeMap<String, String>>,
    versions: Vec<Value>,
    status: String,
    /// Metrics that were logged: name and step.
    metrics: Vec<(String, i64)>,
}

pub(crate) struct Server {
    pub(crate) address: String,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// A server that answers as MLflow does.
    pub(crate) async fn mlflow() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Server { address, state }
    }

    pub(crate) fn script(&self, path: &'static str, answers: Vec<Answer>) {
        self.state.lock().unwrap().script.push((path, answers));
    }

    pub(crate) fn always(&self, answer: Option<Answer>) {
        self.state.lock().unwrap().always = answer;
    }

    pub(crate) fn expect(&self, authorization: &'static str) {
        self.state.lock().unwrap().expected = Some(authorization);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.lock().unwrap().asked.clone()
    }

    /// How many requests had a path that ends so.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.asked().iter().filter(|asked| asked.path.ends_with(path)).count()
    }

    pub(crate) fn runs(&self) -> usize {
        self.state.lock().unwrap().runs.len()
    }

    pub(crate) fn versions(&self) -> usize {
        self.state.lock().unwrap().versions.len()
    }

    pub(crate) fn status(&self) -> String {
        self.state.lock().unwrap().status.clone()
    }

    /// How often a metric was logged.
    pub(crate) fn logged(&self, name: &str) -> usize {
        self.state.lock().unwrap().metrics.iter().filter(|(logged, _)| logged == name).count()
    }
}

impl Asked {
    /// How many entries a list of the body has.
    pub(crate) fn list(&self, name: &str) -> usize {
        self.json()[name].as_array().map(Vec::len).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// An address where nobody is.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = read(&mut stream).await {
        let answer = state.lock().unwrap().answer(&asked);
        let (status, headers, body) = match answer {
            Some(Answer::Status(status, headers, body)) => (status, headers, body.to_owned()),
            Some(Answer::Cut) => return,
            Some(Answer::Never) => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                return;
            }
            Some(Answer::Endless) => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n").await;
                while stream.write_all(&[b' '; 1 << 16]).await.is_ok() {}
                return;
            }
            Some(Answer::DoneAndCut) => {
                state.lock().unwrap().done(&asked);
                return;
            }
            Some(Answer::Slow(pause)) => {
                tokio::time::sleep(pause).await;
                done(&state, &asked)
            }
            None => done(&state, &asked),
        };
        let head = format!("HTTP/1.1 {status} Answer\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
        if stream.write_all(format!("{head}{body}").as_bytes()).await.is_err() {
            return;
        }
    }
}

fn done(state: &Mutex<State>, asked: &Asked) -> (u16, &'static str, String) {
    let (status, body) = state.lock().unwrap().done(asked);
    (status, "content-type: application/json\r\n", body.to_string())
}

/// The next request of a connection; none at its end.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let found = lines.iter().skip(1).filter_map(|line| line.split_once(": "));
        found.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    };
    let mut first = lines.first()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { method, path, body, authorization: header("authorization").unwrap_or_default() })
}

impl State {
    /// Notes a request; what is to be done with it instead of what it asks for.
    fn answer(&mut self, asked: &Asked) -> Option<Answer> {
        self.asked.push(asked.clone());
        if self.expected.is_some_and(|expected| asked.authorization != expected) {
            return Some(Answer::Status(401, "", "who are you"));
        }
        let scripted = self.script.iter_mut().find(|(path, left)| asked.path.contains(path) && !left.is_empty());
        scripted.map(|(_, left)| left.remove(0)).or_else(|| self.always.clone())
    }

    /// Does what is asked for.
    fn done(&mut self, asked: &Asked) -> (u16, Value) {
        let (body, path) = (asked.json(), asked.path.split('?').next().unwrap_or_default());
        let answer = match path.split_once("/mlflow/").map_or("", |(_, path)| path) {
            "experiments/get-by-name" => json!({ "experiment": { "experiment_id": "7", "lifecycle_stage": "active" } }),
            "runs/search" => {
                let is_parent = body["filter"].as_str().unwrap().contains("mlsys.training");
                let runs = self.runs.iter().filter(|tags| tags.contains_key("mlsys.training") == is_parent);
                json!({ "runs": runs.map(|tags| self.run(tags)).collect::<Vec<_>>() })
            }
            "runs/create" => {
                self.status = "RUNNING".to_owned();
                self.runs.push(tags(&body["tags"]));
                json!({ "run": self.run(self.runs.last().unwrap()) })
            }
            "runs/update" => {
                self.status = body["status"].as_str().unwrap().to_owned();
                json!({})
            }
            "runs/log-batch" => {
                self.runs.last_mut().unwrap().extend(tags(&body["tags"]));
                let metrics = body["metrics"].as_array().into_iter().flatten();
                let metrics =
                    metrics.map(|one| (one["key"].as_str().unwrap().to_owned(), one["step"].as_i64().unwrap()));
                self.metrics.extend(metrics);
                json!({})
            }
            "metrics/get-history" => {
                let steps = self.metrics.iter().filter(|(name, _)| name == "loss");
                json!({ "metrics": steps.map(|(_, step)| json!({ "step": step })).collect::<Vec<_>>() })
            }
            "model-versions/search" if asked.path.contains("fraud") => json!({ "model_versions": self.versions }),
            "model-versions/create" => {
                self.versions.push(json!({ "version": "1", "tags": body["tags"] }));
                json!({ "model_version": self.versions.last() })
            }
            "model-versions/set-tag" => {
                let tags = self.versions.last_mut().unwrap()["tags"].as_array_mut().unwrap();
                tags.push(json!({ "key": body["key"], "value": body["value"] }));
                json!({})
            }
            "registered-models/create" => {
                return (400, json!({ "error_code": "RESOURCE_ALREADY_EXISTS", "message": "it is there" }));
            }
            _ => json!({}),
        };
        (200, answer)
    }

    fn run(&self, tags: &BTreeMap<String, String>) -> Value {
        let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        let info = json!({
            "run_id": "abc", "artifact_uri": "mlflow-artifacts:/7/abc/artefacts", "start_time": 1000,
            "status": self.status, "lifecycle_stage": "active",
        });
        json!({ "info": info, "data": { "tags": tags } })
    }
}

fn tags(list: &Value) -> BTreeMap<String, String> {
    let tags = list.as_array().into_iter().flatten();
    let text = |tag: &Value, name: &str| tag[name].as_str().unwrap_or_default().to_owned();
    tags.map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}
