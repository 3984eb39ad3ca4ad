//! Recorded runs done again, and models that are judged in folds, on a small project through the real programs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::fs;
use std::path::PathBuf;

use mlsys_tests::{mlsysc, printed};
use serde_json::Value;
use tempfile::TempDir;

const PROGRAM: &str = r#"entity customer { customer_id: int64 }

source payments {
  from csv("payments-*.csv")
  schema { payment_id: int64  customer_id: int64  amount: float64  paid_at: timestamp  is_fraud: bool known at paid_at + 1h }
  time paid_at
  key  payment_id
  expect fresh within 36500d else warn
}

features habits for customer from payments { usual = mean(amount) over 1d }

model fraud {
  observe payments
  label   is_fraud
  inputs  { amount, habits.usual }
  impute  median
  split   SPLIT
  learn   mlp(hidden: [8])
  train   { epochs 4  batch 64  optimizer adam(lr: 0.02)  seed 1 }
  require test.auc >= 0.6
}

deployment scores {
  model fraud
  score payments every 1d into parquet("out/scores")
}
"#;

const BY_TIME: &str = "time(validate: @2024-01-03, test: @2024-01-04)";

struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        project.day(1);
        project.day(2);
        project.day(3);
        project.day(4);
        project
    }

    fn day(&self, day: u32) {
        let mut rows = String::from("payment_id,customer_id,amount,paid_at,is_fraud\n");
        for row in 0..300 {
            let (id, hour, minute) = (day * 300 + row, row / 15, row % 15);
            let amount = f64::from(id * 7919 % 1000) / 10.0;
            let (customer, is_fraud) = (id % 20, amount > 60.0);
            rows.push_str(&format!("{id},{customer},{amount},2024-01-{day:02}T{hour:02}:{minute:02}:00Z,{is_fraud}\n"));
        }
        fs::write(self.path(&format!("payments-{day}.csv")), rows).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The exit code, and what was printed.
    fn told(&self, arguments: &[&str]) -> (i32, String) {
        let output = mlsysc(arguments).current_dir(self.0.path()).output().unwrap();
        (output.status.code().unwrap_or(-1), printed(&output))
    }

    /// Runs the program with this division of examples; the name of the run's record.
    fn run(&self, split: &str) -> String {
        fs::write(self.path("fraud.mlsys"), PROGRAM.replace("SPLIT", split)).unwrap();
        let before = self.runs();
        let (code, text) = self.told(&["run", "--threads", "1"]);
        assert_eq!(code, 0, "{text}");
        self.runs().into_iter().find(|name| !before.contains(name)).expect("a run is recorded")
    }

    fn runs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path(".mlsys/runs")).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
    }

    fn record(&self, run: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(&format!(".mlsys/runs/{run}.json"))).unwrap()).unwrap()
    }
}

#[test]
fn a_recorded_run_comes_out_the_same_on_any_number_of_threads() {
    let project = Project::new();
    let first = project.run(BY_TIME);
    // What was added since is built on what was there; the record is of all of it.
    project.day(5);
    let second = project.run("folds(3)");
    let scores = fs::read_dir(project.path("out/scores")).unwrap().count();
    for threads in ["1", "2"] {
        let (code, text) = project.told(&["run", "--replay", "last", "--threads", threads]);
        let artefact = project.record(&second)["models"][0]["artefact"].as_str().unwrap().to_owned();
        assert!(code == 0 && text.contains("came out the same") && text.contains(&artefact), "{code}: {text}");
    }
    let versions = project.told(&["models", "list", "fraud"]).1;
    assert!(versions.contains("  2  ") && !versions.contains("  3  "), "nothing is registered: {versions}");
    assert_eq!(fs::read_dir(project.path("out/scores")).unwrap().count(), scores, "nothing is scored");
    let left = fs::read_dir(project.path(".mlsys")).unwrap().flatten();
    assert!(left.map(|entry| entry.file_name()).all(|name| !name.to_str().unwrap().starts_with("replay")));

    // The first run has read other data.
    let (code, text) = project.told(&["run", "--replay", &first]);
    assert!(code == 1 && text.contains("E0944") && text.contains("`payments` holds other data"), "{code}: {text}");
    fs::remove_file(project.path("payments-5.csv")).unwrap();
    let arguments = ["run", "--replay", &first, "--json"];
    let output = mlsysc(&arguments).current_dir(project.0.path()).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    let replay: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(replay["run"].as_str(), Some(first.as_str()));
    assert!(replay["compared"].as_array().unwrap().len() > 10, "{replay}");
}

#[test]
fn what_comes_out_otherwise_is_told() {
    let project = Project::new();
    let run = project.run(BY_TIME);
    let path = project.path(&format!(".mlsys/runs/{run}.json"));
    let mut record = project.record(&run);
    record["models"][0]["artefact"] = Value::from("0123");
    let nodes = record["nodes"].as_array_mut().unwrap();
    let observe = nodes.iter_mut().find(|node| node["node"] == "observe.fraud").unwrap();
    observe["report"]["left_out"] = Value::from(7);
    fs::write(&path, record.to_string()).unwrap();
    let (code, text) = project.told(&["run", "--replay", &run]);
    assert_eq!(code, 1, "{text}");
    for expected in
        ["train.fraud  artefact differs", "observe.fraud  left out differs", "recorded  7", "otherwise: 2 of"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    fs::write(&path, "{}").unwrap();
    let (code, text) = project.told(&["run", "--replay", "last"]);
    assert!(code == 1 && text.contains("E0944") && text.contains("cannot be done again"), "{code}: {text}");
}

#[test]
fn a_run_that_there_is_not_is_told() {
    let project = Project::new();
    fs::write(project.path("fraud.mlsys"), PROGRAM.replace("SPLIT", BY_TIME)).unwrap();
    let (code, text) = project.told(&["run", "--replay", "last"]);
    assert!(code == 1 && text.contains("E0944") && text.contains("no run is recorded"), "{code}: {text}");
    let run = project.run(BY_TIME);
    let (code, text) = project.told(&["run", "--replay", "1999"]);
    assert!(code == 1 && text.contains("no run `1999`") && text.contains(&run), "{code}: {text}");
    let (code, text) = project.told(&["run", "--replay", "last", "--only", "train.fraud"]);
    assert_eq!(code, 2, "{text}");
}

#[test]
fn folds_judge_all_examples_and_keep_what_learnt_from_all() {
    let project = Project::new();
    let run = project.run("folds(3)");
    let record = project.record(&run);
    let report = &record["models"][0]["report"];
    let folds = report["folds"].as_array().unwrap();
    let rows: u64 = folds.iter().map(|fold| fold["rows"].as_u64().unwrap()).sum();
    assert_eq!((folds.len(), rows), (3, 1200));
    assert_eq!(
        (report["parts"]["test"]["rows"].as_u64(), report["parts"]["train"]["rows"].as_u64()),
        (Some(1200), Some(1200))
    );
    let (_, shown) = project.told(&["models", "show", "fraud"]);
    assert!(shown.contains("\nfolds\n") && shown.contains("test: 1200 examples"), "{shown}");
}
