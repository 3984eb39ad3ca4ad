//! Rows over HTTP, as a sender sees it and as the reader does.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use mlsys_plan::{Call, Value};
use reqwest::{Client, StatusCode};

use crate::connectors::{Opening, open_stream};
use crate::error::ConnectorError;
use crate::stream::{Change, Delivery, Positions, Start, Stream};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

struct Server {
    folder: tempfile::TempDir,
    address: SocketAddr,
    settings: BTreeMap<String, String>,
}

impl Server {
    fn new(settings: &[(&str, &str)]) -> Self {
        // Asked for and let go again: nobody else takes a port in between that was just used.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Server { folder: tempfile::tempdir().unwrap(), address, settings }
    }

    fn open(&self, path: &str) -> Result<Box<dyn Stream>, ConnectorError> {
        let args = BTreeMap::from([
            ("path".to_owned(), Value::String(path.to_owned())),
            ("port".to_owned(), Value::Int(self.address.port().into())),
        ]);
        let call = Call { name: "http_push".to_owned(), args };
        let folder = self.folder.path().join(path.trim_start_matches('/'));
        open_stream(&Opening {
            call: &call,
            settings: &self.settings,
            environment: &|name| (name == "PUSH_KEY").then(|| "sesame".to_owned()),
            project: Path::new("."),
            folder: &folder,
        })
    }

    /// A stream that listens.
    async fn start(&self, path: &str, start: Start) -> Box<dyn Stream> {
        let mut stream = self.open(path).unwrap();
        assert_eq!(stream.next(1, LONG).await.unwrap().changes, [Change::Assigned(vec![0])]);
        stream.seek(0, start).await.unwrap();
        let listening = stream.next(0, LONG).await.unwrap();
        assert!(
            listening.changes.iter().all(|change| matches!(change, Change::CaughtUp(0)))
                || !listening.messages.is_empty()
        );
        stream
    }

    async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> (StatusCode, String) {
        let sent = Client::new().post(format!("http://{}{path}", self.address)).body(body).send().await.unwrap();
        (sent.status(), sent.text().await.unwrap())
    }
}

fn texts(delivery: &Delivery) -> Vec<String> {
    delivery.messages.iter().map(|message| String::from_utf8(message.payload.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn rows_that_were_answered_survive_a_restart() {
    let server = Server::new(&[]);
    let stream = server.start("/rows", Start::Beginning).await;
    assert_eq!(server.post("/rows", r#"{"id":1}"#).await, (StatusCode::OK, r#"{"taken":1}"#.to_owned()));
    assert_eq!(server.post("/rows", "[{\"id\":2},{\"id\":3}]").await.1, r#"{"taken":2}"#);
    drop(stream);
    let mut stream = server.open("/rows").unwrap();
    stream.next(1, LONG).await.unwrap();
    let delivery = stream.next(2, LONG).await.unwrap();
    assert_eq!(texts(&delivery), [r#"{"id":1}"#, r#"{"id":2}"#]);
    assert!(delivery.messages[0].time.is_some());
    let position = delivery.next.get(0).unwrap();
    stream.taken(&delivery.next).await.unwrap();
    stream.close().await;
    let mut stream = server.open("/rows").unwrap();
    stream.next(1, LONG).await.unwrap();
    stream.seek(0, Start::At(position)).await.unwrap();
    assert_eq!(texts(&stream.next(10, LONG).await.unwrap()), [r#"{"id":3}"#]);
}

#[tokio::test]
async fn a_reader_that_waits_is_woken() {
    let server = Server::new(&[]);
    let mut stream = server.start("/rows", Start::Beginning).await;
    let (delivery, answer) = tokio::join!(stream.next(10, LONG), server.post("/rows", "{}\n{}\n"));
    assert_eq!((delivery.unwrap().messages.len(), answer.0), (2, StatusCode::OK));
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_the_reason() {
    let server = Server::new(&[("api_key", "env:PUSH_KEY")]);
    let _stream = server.start("/rows", Start::Beginning).await;
    let client = Client::new();
    let url = format!("http://{}/rows", server.address);
    let send = async |request: reqwest::RequestBuilder| {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!(send(client.post(&url).body("{}")).await.0, 401);
    assert_eq!(send(client.post(&url).bearer_auth("sesam").body("{}")).await.0, 401);
    assert_eq!(send(client.post(&url).header("x-api-key", "sesame").body("{}")).await.0, 200);
    let (status, text) = send(client.post(&url).bearer_auth("sesame").body("[{},7]")).await;
    assert_eq!((status, text.as_str()), (400, r#"{"error":"row 1: expected an object"}"#));
    assert_eq!(send(client.get(&url).bearer_auth("sesame")).await.0, 405);
    assert_eq!(send(client.post(format!("{url}/more")).body("{}")).await.0, 404);
    let long = vec![b' '; (16 << 20) + 1];
    assert_eq!(send(client.post(&url).bearer_auth("sesame").body(long)).await.0, 413);
}

#[tokio::test]
async fn a_full_log_asks_senders_to_come_back() {
    let server = Server::new(&[("most_bytes", "100")]);
    let mut stream = server.start("/rows", Start::Beginning).await;
    let row = format!("{{\"id\":{:060}}}", 0).replace(":0", ":1");
    assert_eq!(server.post("/rows", row.clone()).await.0, StatusCode::OK);
    let sent = Client::new().post(format!("http://{}/rows", server.address)).body(row.clone()).send().await.unwrap();
    assert_eq!((sent.status().as_u16(), sent.headers()["retry-after"].to_str().unwrap()), (503, "1"));
    let delivery = stream.next(10, LONG).await.unwrap();
    stream.taken(&delivery.next).await.unwrap();
    assert_eq!(server.post("/rows", row).await.0, StatusCode::OK);
}

#[tokio::test]
async fn streams_share_a_port_but_not_a_path() {
    let server = Server::new(&[]);
    let mut one = server.start("/one", Start::Beginning).await;
    let mut two = server.start("/two", Start::Beginning).await;
    server.post("/two", r#"{"id":2}"#).await;
    server.post("/one", r#"{"id":1}"#).await;
    assert_eq!(texts(&one.next(10, LONG).await.unwrap()), [r#"{"id":1}"#]);
    assert_eq!(texts(&two.next(10, LONG).await.unwrap()), [r#"{"id":2}"#]);
    let mut again = server.open("/one").unwrap();
    again.next(1, LONG).await.unwrap();
    let refused = again.next(1, LONG).await.unwrap_err().to_string();
    assert!(refused.contains("another stream has /one"), "{refused}");
}

#[tokio::test]
async fn lost_rows_are_told() {
    let server = Server::new(&[]);
    let mut stream = server.open("/rows").unwrap();
    stream.next(1, LONG).await.unwrap();
    stream.seek(0, Start::At(700)).await.unwrap();
    let delivery = stream.next(1, LONG).await.unwrap();
    assert!(matches!(delivery.changes[0], Change::Gap { from: 700, to: 700, .. }), "{:?}", delivery.changes);
    server.post("/rows", "{}").await;
    assert_eq!(stream.next(1, LONG).await.unwrap().messages[0].offset, 700);
    stream.taken(&Positions::from_iter([(0, 700)])).await.unwrap();
}
