//! A schema registry, asked over HTTP. (Confluent, "Schema Registry API Reference": `GET /schemas/ids/{id}` and
//! `GET /subjects/{subject}/versions/{version}`.)

use std::collections::HashSet;
use std::time::Duration;

use mlsys_plan::Call;
use reqwest::{Certificate, Client, StatusCode, Url, redirect};
use serde::Deserialize;

use super::super::REGISTRY;
use crate::error::ConnectorError;
use crate::settings::{Environment, Secret, Settings, required};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before asking again, each time twice as long as before.
const PAUSE: Duration = Duration::from_millis(100);

/// How often a registry that does not answer is asked.
const ATTEMPTS: u32 = 3;

/// The longest answer, in bytes.
const LONGEST: usize = 4 << 20;

/// How many schemas one may refer to, directly or not.
const MOST_REFERENCES: usize = 100;

/// A schema registry.
pub(super) struct Registry {
    client: Client,
    address: Url,
    login: Option<(String, Option<Secret>)>,
}

/// What the registry says of a schema's number.
pub(super) enum Found {
    /// The schema, after those that it refers to.
    Schema(Vec<String>),
    /// It has none of this number.
    Nothing,
    /// It has something that cannot be used.
    Other(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Reference>,
}

#[derive(Deserialize)]
struct Reference {
    subject: String,
    version: u32,
}

impl Registry {
    pub(super) fn new(
        call: &Call,
        settings: &mut Settings<'_>,
        environment: Environment<'_>,
    ) -> Result<Self, ConnectorError> {
        let wrong = |reason: &str| ConnectorError::Argument {
            connector: REGISTRY,
            argument: "registry".to_owned(),
            reason: reason.to_owned(),
        };
        let written = required(REGISTRY, call, "registry", environment)?;
        let address = Url::parse(&written).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let address = address.ok_or_else(|| wrong("expected `http://HOST:PORT` or `https://…`"))?;
        if !address.username().is_empty() || address.password().is_some() {
            return Err(wrong("it names a user; `registry_username` and `registry_password` are settings"));
        }
        let username = settings.text("registry_username")?;
        let password = settings.secret("registry_password")?;
        let login = username.map(|username| (username, password));
        // Whoever answers with another address must not get the password.
        let mut client = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none());
        if let Some(path) = settings.file("registry_ca_file")? {
            let read = std::fs::read(&path).map_err(ConnectorError::file(&path))?;
            let roots = Certificate::from_pem_bundle(&read);
            for root in roots.map_err(|_| settings.wrong("registry_ca_file", "expected certificates in PEM"))? {
                client = client.add_root_certificate(root);
            }
        }
        let client = client.build().map_err(|error| away(&error.without_url().to_string()))?;
        Ok(Registry { client, address, login })
    }

    /// The schema of a number, with those that it refers to.
    pub(super) async fn schema(&self, id: u32) -> Result<Found, ConnectorError> {
        let answer = match self.get(&["schemas", "ids", &id.to_string()]).await? {
            Ok(answer) => answer,
            Err(found) => return Ok(found),
        };
        if let Some(other) = answer.schema_type.filter(|kind| kind != "AVRO") {
            return Ok(Found::Other(format!("expected an Avro schema, found {other}")));
        }
        let mut texts = vec![answer.schema];
        let mut waiting = answer.references;
        let mut asked = HashSet::new();
        while let Some(Reference { subject, version }) = waiting.pop() {
            if !asked.insert((subject.clone(), version)) {
                continue;
            }
            if asked.len() > MOST_REFERENCES {
                return Ok(Found::Other(format!("it refers to more than {MOST_REFERENCES} others")));
            }
            match self.get(&["subjects", &subject, "versions", &version.to_string()]).await? {
                Ok(answer) => {
                    texts.push(answer.schema);
                    waiting.extend(answer.references);
                }
                Err(_) => {
                    return Ok(Found::Other(format!("it refers to version {version} of `{subject}`, which is away")));
                }
            }
        }
        texts.reverse();
        Ok(Found::Schema(texts))
    }

    /// Asks until there is an answer, but not for long.
    async fn get(&self, path: &[&str]) -> Result<Result<Answer, Found>, ConnectorError> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            match self.ask(path).await {
                Err(error) if error.is_passing() && attempt < ATTEMPTS => {}
                other => return other,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn ask(&self, path: &[&str]) -> Result<Result<Answer, Found>, ConnectorError> {
        let mut url = self.address.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        let mut request = self.client.get(url).header("accept", "application/vnd.schemaregistry.v1+json");
        if let Some((username, password)) = &self.login {
            request = request.basic_auth(username, password.as_ref().map(Secret::expose));
        }
        let failed = |error: reqwest::Error| away(&reasons(&error.without_url()));
        let mut response = request.send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Err(Found::Nothing)),
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(ConnectorError::Refused {
                    connector: REGISTRY,
                    setting: "registry_username",
                    reason: format!("it answers {status}"),
                });
            }
            status => return Err(away(&format!("it answers {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST {
                return Ok(Err(Found::Other(format!("it has more than {LONGEST} bytes"))));
            }
        }
        serde_json::from_slice(&body).map(Ok).map_err(|error| away(&format!("it answers with something else: {error}")))
    }
}

fn away(reason: &str) -> ConnectorError {
    ConnectorError::Away { connector: REGISTRY, reason: reason.to_owned() }
}

/// An error with its causes.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
