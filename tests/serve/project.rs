//! A small project, and its server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mlsys_tests::{mlsysc, printed};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

const PROGRAM: &str = r#"
use std.time.{hour_of_day}

entity person { who: string }

source payments {
  from   csv("payments.csv")
  stream file(path: "payments.ndjson")
  schema {
    id:     int64
    at:     timestamp
    who:    string
    amount: float64
    bad:    bool
  }
  time at
  key  id
  expect amount > 0 else quarantine
}

features spend for person from payments {
  n     = count() over [1h, 7d]
  ever  = count() over all
  total = sum(amount) over 1h
}

model m {
  observe payments
  label   bad
  inputs {
    amount
    hour = hour_of_day(at)
    spend.*
  }
  impute 0
  split random(test: 30%)
  learn linear()
  train {
    epochs 3
    seed 1
  }
  require test.log_loss < 100.0
}

deployment api {
  model m
  serve http(port: PORT)
  log predictions
}
"#;

pub(crate) struct Project {
    folder: TempDir,
    port: u16,
}

/// A server that is running; it ends with the value.
pub(crate) struct Server {
    process: Child,
    port: u16,
}

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Waits until something holds.
pub(crate) fn until(mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "that takes too long");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Project {
    pub(crate) fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let project = Project { folder: tempfile::tempdir().unwrap(), port };
        project.write(&[]);
        let mut rows = String::from("id,at,who,amount,bad\n");
        for id in 0..400 {
            let (who, amount) = (["a", "b", "c"][id % 3], id * 7 % 100 + 1);
            let (hour, minute) = (id / 20, id % 20 * 3);
            rows.push_str(&format!("{id},2024-01-01T{hour:02}:{minute:02}:00Z,{who},{amount}.0,{}\n", amount > 60));
        }
        std::fs::write(project.path().join("payments.csv"), rows).unwrap();
        std::fs::write(project.path().join("payments.ndjson"), "").unwrap();
        project
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes the program with parts of it replaced.
    pub(crate) fn write(&self, replaced: &[(&str, &str)]) {
        let mut text = PROGRAM.replace("PORT", &self.port.to_string());
        for (old, new) in replaced {
            assert!(text.contains(old), "the program does not say `{old}`");
            text = text.replace(old, new);
        }
        std::fs::write(self.path().join("m.mlsys"), text).unwrap();
    }

    pub(crate) fn run(&self) {
        let output = mlsysc(&["run"]).current_dir(self.path()).output().unwrap();
        assert!(output.status.success(), "{}", printed(&output));
    }

    /// Appends to the stream.
    pub(crate) fn stream(&self, lines: &str) {
        let path = self.path().join("payments.ndjson");
        std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(lines.as_bytes()).unwrap();
    }

    /// Starts a server, and waits until it listens.
    pub(crate) fn serve(&self) -> Server {
        let mut process =
            mlsysc(&["serve"]).current_dir(self.path()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap());
        let (mut line, mut all) = (String::new(), String::new());
        while !line.contains("http on ") {
            line.clear();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it does not listen: {all}");
            all.push_str(&line);
        }
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::stderr()));
        Server { process, port: self.port }
    }

    /// What a second server says.
    pub(crate) fn serve_again(&self) -> String {
        printed(&mlsysc(&["serve"]).current_dir(self.path()).output().unwrap())
    }

    /// What was kept aside of the stream.
    pub(crate) fn quarantined(&self) -> String {
        let folder = self.path().join(".mlsys/quarantine/stream.payments");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// How many files of answers were kept.
    pub(crate) fn logged(&self) -> usize {
        let folder: PathBuf = self.path().join(".mlsys/predictions/api");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|extension| extension == "parquet")).count()
    }
}

impl Server {
    pub(crate) fn ask(&self, body: &str) -> Reply {
        self.send("POST", "/v1/api/predict", body)
    }

    pub(crate) fn prediction(&self, body: &str) -> f64 {
        let reply = self.ask(body);
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.prediction()
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let Reply { status, body } = self.send("GET", path, "");
        (status, body)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &str) -> Reply {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all((head + body).as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Reply { status: head.split(' ').nth(1).unwrap().parse().unwrap(), body: body.to_owned() }
    }

    /// The value of a metric with a label; not a number if there is none yet.
    pub(crate) fn metric(&self, name: &str, label: &str) -> f64 {
        let (_, text) = self.get("/metrics");
        let line = text.lines().find(|line| line.starts_with(name) && line.contains(label));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(f64::NAN)
    }

    /// How many rows of the stream counted.
    pub(crate) fn counted(&self) -> u32 {
        self.metric("mlsys_stream_rows_total", "outcome=\"counted\"") as u32
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Asks it to stop; whether it did in time, and well.
    pub(crate) fn stop(mut self, patience: Duration) -> bool {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Reply {
    pub(crate) fn prediction(&self) -> f64 {
        let answer: Value = serde_json::from_str(&self.body).unwrap();
        answer["predictions"][0]["prediction"].as_f64().unwrap_or_else(|| panic!("{answer}"))
    }
}
