//! Modules of PyTorch through the binaries: what is a new training and what is not, what leaves, and what is refused.

use std::fs;
use std::path::{Path, PathBuf};

use mlsys_tests::{mlsysc, printed, repository};
use serde_json::Value;
use tempfile::TempDir;

/// A model that is a module of two numbers.
const PROGRAM: &str = r#"
source readings {
  from csv("readings.csv")
  schema {
    reading_id: int64
    read_at:    timestamp
    left:       float64
    right:      float64
    level:      float64
  }
  time read_at
  key  reading_id
}

model level {
  observe readings
  label   level
  inputs  { left, right }
  encode  left with raw
  encode  right with raw
  split   time(validate: @2024-01-04, test: @2024-01-05)
  learn   torchscript("net.pt", train: false)
  train   { epochs 3 }
  require test.mae <= 0.001
}
"#;

struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        project.write("level.mlsys", PROGRAM);
        let mut rows = "reading_id,read_at,left,right,level\n".to_owned();
        for id in 0..120_i32 {
            let (left, right) = (f64::from(id * 37 % 101) / 50.0 - 1.0, f64::from(id * 61 % 89) / 44.0 - 1.0);
            // What `given.pt` says, which `make.py` writes.
            let level = 1000.0 + 200.0 * left.tanh() - 50.0 * right.tanh();
            rows.push_str(&format!("{id},2024-01-{:02}T{:02}:00:00Z,{left},{right},{level}\n", id / 24 + 1, id % 24));
        }
        project.write("readings.csv", &rows);
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn module(&self, name: &str, to: &str) {
        let modules = repository().join("runtime/torch/tests/modules");
        fs::copy(modules.join(name), self.path(to)).unwrap();
    }

    fn call(&self, arguments: &[&str]) -> (i32, String) {
        let output = mlsysc(arguments).current_dir(self.folder.path()).output().unwrap();
        (output.status.code().unwrap_or(-1), printed(&output))
    }

    /// What became of the training in a run, and the run's record; the exit code must be the expected one.
    fn trained(&self, expected: i32) -> (String, Value) {
        let output = mlsysc(&["run", "--json"]).current_dir(self.folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{}", printed(&output));
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        let nodes = record["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["node"] == "train.level").unwrap();
        (node["outcome"].as_str().unwrap_or("failed").to_owned(), record)
    }
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap()
}

#[test]
fn a_module_belongs_to_what_is_trained() {
    let project = Project::new();
    project.module("given.pt", "net.pt");
    let (outcome, record) = project.trained(0);
    assert_eq!((outcome.as_str(), &record["models"][0]["version"]), ("done", &Value::from(1)));
    assert_eq!(record["models"][0]["report"]["parameters"], 0);
    assert_eq!(project.trained(0).0, "current");

    // The same content elsewhere is the same training, other content in the same place is another one.
    fs::create_dir(project.path("modules")).unwrap();
    fs::rename(project.path("net.pt"), project.path("modules/other-name.pt")).unwrap();
    project.write("level.mlsys", &PROGRAM.replace("net.pt", "modules/other-name.pt"));
    assert_eq!(project.trained(0).0, "current");
    project.module("other.pt", "modules/other-name.pt");
    let (outcome, record) = project.trained(3);
    assert_eq!((outcome.as_str(), &record["models"][0]["version"]), ("done", &Value::Null));

    // Trained, it is another one once more; what is exported is TorchScript, other than what was given.
    let learns = PROGRAM.replace("net.pt", "modules/other-name.pt").replace(", train: false", "");
    project.write("level.mlsys", &learns.replace("<= 0.001", "<= 1_000_000"));
    let (outcome, record) = project.trained(0);
    assert_eq!((outcome.as_str(), &record["models"][0]["version"]), ("done", &Value::from(2)));
    assert_eq!(record["models"][0]["report"]["parameters"], 2);
    let (code, text) = project.call(&["models", "export", "level@2", "out"]);
    assert_eq!(code, 0, "{text}");
    let exported = read(&project.path("out/model.pt"));
    assert!(exported.starts_with(b"PK") && exported != read(&project.path("modules/other-name.pt")));
}

#[test]
fn the_plan_does_not_depend_on_the_file() {
    let project = Project::new();
    let built = |out: &str| {
        let (code, text) = project.call(&["build", "--out", out]);
        assert_eq!(code, 0, "{text}");
        read(&project.path(out).join("plan.txt"))
    };
    let first = built("one");
    project.module("given.pt", "net.pt");
    assert_eq!(first, built("two"));
}

#[test]
fn a_module_that_cannot_be_used_is_told_at_its_model() {
    let project = Project::new();
    let refused = |words: &[&str]| {
        let (code, text) = project.call(&["run"]);
        assert_eq!(code, 1, "{text}");
        let text = text.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
        for word in [&["E0935", "level.mlsys:"], words].concat() {
            assert!(text.contains(word), "`{word}`: {text}");
        }
    };
    refused(&["`net.pt` is not there", "relative to the project's folder"]);
    project.module("state.pt", "net.pt");
    refused(&["`net.pt` is no TorchScript that libtorch reads"]);
    project.module("two.pt", "net.pt");
    refused(&["`net.pt` does not return a tensor", "`left` 1, `right` 1", "a number in the label's unit"]);
    // What is mended goes on.
    project.module("given.pt", "net.pt");
    assert_eq!(project.trained(0).0, "done");
    project.write(
        "level.mlsys",
        &PROGRAM.replace(
            "  require",
            "  tune 2 trials maximizing validate.r2 { path in [\"net.pt\", \"b.pt\"] }\n  require",
        ),
    );
    let (code, text) = project.call(&["run"]);
    assert!(code == 1 && text.contains("E0910") && text.contains("search the file of a module"), "{text}");
}
