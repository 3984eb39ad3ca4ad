//! The standard output of a worker is a protocol: what else is written there goes to the standard error.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mlsys_training::{PredictJob, Stamp, TrainEvent};

const PATIENCE: Duration = Duration::from_secs(60);

/// A worker that waits for its model until somebody writes it.
fn waiting(folder: &Path) -> (Child, PathBuf) {
    let model = folder.join("model.json");
    assert!(Command::new("mkfifo").arg(&model).status().unwrap().success());
    let job = PredictJob {
        model: folder.to_owned(),
        rows: Vec::new(),
        required: Vec::new(),
        carried: Vec::new(),
        stamp: Stamp { model: "toy".to_owned(), version: 1, scored_at: 0 },
        outputs: Vec::new(),
        threads: Some(1),
    };
    let path = folder.join("job.json");
    fs::write(&path, serde_json::to_string(&job).unwrap()).unwrap();
    let worker = Command::new(env!("CARGO_BIN_EXE_mlsysd"))
        .arg("predict")
        .arg(path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (worker, model)
}

#[test]
fn events_alone_are_on_the_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    let (mut worker, model) = waiting(folder.path());
    let output = |number: u32| fs::read_link(format!("/proc/{}/fd/{number}", worker.id())).unwrap();
    let began = Instant::now();
    while output(1) != output(2) {
        if began.elapsed() > PATIENCE {
            worker.kill().unwrap();
            panic!("the standard output is still what it was");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // What a native library writes to its standard output.
    fs::write(format!("/proc/{}/fd/1", worker.id()), "[LightGBM] [Warning] something\n").unwrap();
    fs::write(&model, "this is no model").unwrap();
    let (mut said, mut complained) = (String::new(), String::new());
    worker.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    worker.stderr.take().unwrap().read_to_string(&mut complained).unwrap();
    assert_eq!(worker.wait().unwrap().code(), Some(1));
    let events: Vec<TrainEvent> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(matches!(&events[..], [TrainEvent::Failed { code, .. }] if code == "E0933"), "{said}");
    assert!(complained.contains("[LightGBM]"), "{complained}");
}
