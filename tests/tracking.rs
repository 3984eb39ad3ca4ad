//! A tracking server that a profile names, through the real programs: one that is away fails nothing and is named once, and an
//! address that is none is refused. `make interop` has the server itself.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Output;

use mlsys_tests::{mlsysc, payments, printed};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = r#"source payments {
  from csv("payments.csv")
  schema { payment_id: int64  amount: float64  paid_at: timestamp  is_fraud: bool known at paid_at + 1h }
  time paid_at
  key  payment_id
}

model fraud {
  observe payments
  label   is_fraud
  inputs  { amount }
  split   time(validate: @2024-01-03, test: @2024-01-04)
  learn   linear()
  train   { epochs 2  batch 64  optimizer adam(lr: 0.02)  seed 1 }
}
"#;

struct Project(TempDir);

impl Project {
    fn new(address: &str) -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        fs::write(project.path("payments.csv"), payments()).unwrap();
        fs::write(project.path("fraud.mlsys"), PROGRAM).unwrap();
        fs::write(project.path("mlsys.toml"), format!("[profile.team]\ntracking = \"{address}\"\n")).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, arguments: &[&str]) -> Output {
        let mut command = mlsysc(arguments);
        command.current_dir(self.0.path()).env("MLFLOW_TRACKING_TOKEN", "token-of-nobody").output().unwrap()
    }

    /// What waits for the server, one piece of news a line.
    fn waiting(&self) -> Vec<Value> {
        let folder = fs::read_dir(self.path(".mlsys/tracking")).unwrap();
        let files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
        let [file] = files.as_slice() else { panic!("{files:?}") };
        let text = fs::read_to_string(file).unwrap();
        assert!(!text.contains("token-of-nobody"));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn a_server_that_is_away_fails_nothing() {
    let address = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let project = Project::new(&address);
    let output = project.call(&["run", "--threads", "1", "--profile", "team"]);
    let text = printed(&output);
    assert!(output.status.success(), "{text}");
    assert_eq!(text.matches("warning: the tracking server").count(), 1, "{text}");
    assert!(
        text.contains(&address) && text.contains("cannot be reached") && !text.contains("token-of-nobody"),
        "{text}"
    );

    let waiting = project.waiting();
    let ended = waiting.iter().find_map(|news| news.get("ended")).unwrap();
    assert_eq!(ended["came"]["model"]["report"]["epochs"].as_array().unwrap().len(), 2);
    let params = ended["training"]["params"].to_string();
    for expected in [r#"["learner","linear"]"#, r#"["split","time(validate: @2024-01-03, test: @2024-01-04)"]"#] {
        assert!(params.contains(expected), "{params}");
    }
    let registered = waiting.iter().find_map(|news| news.get("registered")).unwrap();
    assert_eq!((&registered["version"], &registered["aliases"][0]), (&Value::from(1), &Value::from("champion")));

    let promote = ["models", "promote", "fraud", "1", "--to", "candidate", "--profile", "team"];
    let output = project.call(&promote);
    let text = printed(&output);
    assert!(output.status.success() && text.contains("warning: the tracking server"), "{text}");
    let aliases: Vec<Value> =
        project.waiting().iter().filter_map(|news| Some(news.get("moved")?["alias"].clone())).collect();
    assert_eq!(aliases, ["champion", "candidate"]);

    // Without the profile nobody is told, and nothing is said.
    let output = project.call(&["run", "--threads", "1", "--json"]);
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success() && summary.get("tracking").is_none(), "{summary}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for (address, reason) in [
        ("127.0.0.1:5000", "does not begin with"),
        ("sqlite:///mlruns.db", "only `http://` and `https://`"),
        ("https://me:token-of-nobody@host", "credentials stand in it"),
    ] {
        let output = Project::new(address).call(&["check", "--profile", "team"]);
        let text = printed(&output).replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("E0915") && text.contains(reason) && !text.contains("token-of-nobody"), "{text}");
    }
}
