//! Tests of models, on a small project through the real programs: what they let through, what they stop, what they cost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use mlsys_tests::{mlsysc, printed};
use serde_json::Value;
use tempfile::TempDir;

/// A model of two numbers, of which one tells everything and the other is the same in all rows that are learnt from.
const PROGRAM: &str = r#"source payments {
  from csv("payments.csv")
  schema { payment_id: int64  amount: float64  idle: float64  paid_at: timestamp  is_fraud: bool known at paid_at + 1h }
  time paid_at
  key  payment_id
}

model fraud {
  observe payments
  label   is_fraud
  inputs  { amount, idle }
  split   SPLIT
  learn   trees(rounds: 20)
  require test.auc >= 0.6
}

"#;

const BY_TIME: &str = "time(test: @2024-01-04)";

/// What such a model does.
const KEPT: &str = r#"test "an idle number is idle" for fraud {
  expect invariant to idle
}

test "dearer is not safer" for fraud {
  expect rising in amount within 0.05 in 99% of examples
  expect falling in amount within 1.0
}
"#;

/// What it does not do.
const BROKEN: &str = r#"test "an idle number is idle" for fraud {
  expect invariant to idle
}

test "cheaper is not safer" for fraud {
  expect falling in amount
}
"#;

struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Project(tempfile::tempdir().unwrap());
        let mut rows = String::from("payment_id,amount,idle,paid_at,is_fraud\n");
        for row in 0..1200_u32 {
            let (day, hour, minute) = (1 + row / 300, row % 300 / 15, row % 15);
            let amount = f64::from(row * 7919 % 1000) / 10.0;
            let idle = if day == 4 { row % 10 } else { 5 };
            let paid_at = format!("2024-01-{day:02}T{hour:02}:{minute:02}:00Z");
            rows.push_str(&format!("{row},{amount},{idle},{paid_at},{}\n", amount > 60.0));
        }
        fs::write(project.path("payments.csv"), rows).unwrap();
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, split: &str, tests: &str) {
        fs::write(self.path("fraud.mlsys"), PROGRAM.replace("SPLIT", split) + tests).unwrap();
    }

    fn call(&self, arguments: &[&str]) -> Output {
        mlsysc(arguments).arg(self.path("fraud.mlsys")).output().unwrap()
    }

    /// Runs the program with these tests; the exit status, and what was printed.
    fn run(&self, split: &str, tests: &str) -> (Option<i32>, String) {
        self.write(split, tests);
        let output = self.call(&["run", "--threads", "1"]);
        (output.status.code(), printed(&output))
    }

    fn models(&self, arguments: &[&str]) -> String {
        let output =
            mlsysc(&["models"]).args(arguments).arg("--program").arg(self.path("fraud.mlsys")).output().unwrap();
        printed(&output)
    }

    /// How often a worker has looked at the model.
    fn looks(&self) -> usize {
        fs::read_dir(self.path(".mlsys/offline/behaviours.fraud")).map_or(0, Iterator::count)
    }
}

#[test]
fn a_version_that_behaves_is_registered_with_what_was_seen() {
    let project = Project::new();
    let (code, told) = project.run(BY_TIME, KEPT);
    assert_eq!(code, Some(0), "{told}");
    for expected in [
        r#"test      met     "an idle number is idle": invariant to idle, "#,
        r#"test      met     "dearer is not safer": rising in amount within 0.05 in 99% of examples, "#,
        r#"test      met     "dearer is not safer": falling in amount within 1, "#,
        "version 1 is registered and is the champion",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let shown = project.models(&["show", "fraud"]);
    assert!(shown.contains("gates\nmet     test.auc >= 0.6"), "{shown}");
    assert!(shown.contains("tests\nmet     \"an idle number is idle\": invariant to idle, "), "{shown}");
    let json: Value = serde_json::from_str(&project.models(&["show", "fraud", "--json"])).unwrap();
    let kept = json["version"]["gates"].as_array().unwrap();
    assert_eq!(kept.len(), 4);
    let idle = &kept[1];
    assert_eq!((&idle["behaviour"]["input"], &idle["met"]), (&Value::from("idle"), &Value::from(true)));
    assert!(idle["compared"].as_u64() > Some(500) && idle["held"] == idle["compared"], "{idle}");
    assert_eq!(idle["examples"], 300);
}

#[test]
fn a_version_that_does_not_is_not_registered() {
    let project = Project::new();
    let (code, told) = project.run(BY_TIME, BROKEN);
    assert_eq!(code, Some(3), "{told}");
    for expected in [
        r#"test      met     "an idle number is idle": invariant to idle, "#,
        r#"test      FAILED  "cheaper is not safer": falling in amount, "#,
        "worst: amount from ",
        ", prediction from 0.",
        "fraud.mlsys:22",
        "not registered: a test failed",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    assert!(project.models(&["list", "fraud"]).contains("E0943"));
}

#[test]
fn other_tests_train_nothing_and_are_judged() {
    let project = Project::new();
    let (code, told) = project.run(BY_TIME, "");
    assert!(code == Some(0) && project.looks() == 0, "{told}");
    project.write(BY_TIME, BROKEN);
    let told = printed(&project.call(&["diff"]));
    assert!(told.contains("train.fraud  judge again") && told.contains("+ test \"cheaper is not safer\""), "{told}");

    let (code, told) = project.run(BY_TIME, BROKEN);
    assert!(code == Some(3) && told.contains("nothing to do: all 3 nodes are current"), "{told}");
    assert_eq!(project.looks(), 1);
    // Another share, name and place are judged by what was seen.
    let share =
        BROKEN.replace("falling in amount", "falling in amount in 0.1% of examples").replace("cheaper", "dearer");
    let (code, told) = project.run(BY_TIME, &format!("// Tests of what was learnt.\n{share}"));
    assert!(
        code == Some(0) && told.contains(r#"met     "dearer is not safer": falling in amount in 0.1% of examples"#),
        "{told}"
    );
    assert_eq!(project.looks(), 1);
    let (code, told) = project.run(BY_TIME, KEPT);
    assert!(code == Some(0) && told.contains("nothing to do: all 3 nodes are current"), "{told}");
    assert_eq!(project.looks(), 2);
}

#[test]
fn what_has_nothing_to_compare_has_failed() {
    let project = Project::new();
    let rows = fs::read_to_string(project.path("payments.csv")).unwrap();
    let same = rows.lines().enumerate().map(|(line, row)| match row.split(',').collect::<Vec<_>>().as_slice() {
        [id, amount, _, at, label] if line > 0 => format!("{id},{amount},5,{at},{label}\n"),
        _ => format!("{row}\n"),
    });
    fs::write(project.path("payments.csv"), same.collect::<String>()).unwrap();
    let (code, told) = project.run(BY_TIME, KEPT);
    assert_eq!(code, Some(3), "{told}");
    assert!(
        told.contains(r#"FAILED  "an idle number is idle": invariant to idle, nothing to compare in 300 examples"#)
    );
}

#[test]
fn in_folds_the_kept_model_is_judged_on_all_examples() {
    let project = Project::new();
    let (code, told) = project.run("folds(3)", BROKEN);
    assert!(code == Some(3) && told.contains(r#"FAILED  "cheaper is not safer": falling in amount, "#), "{told}");
    let runs = fs::read_dir(project.path(".mlsys/runs")).unwrap().map(|entry| entry.unwrap().path());
    let record = runs.filter(|path| path.is_file()).last().unwrap();
    let record: Value = serde_json::from_str(&fs::read_to_string(record).unwrap()).unwrap();
    assert_eq!(record["models"][0]["behaviours"][0]["examples"], 1200);
}

#[test]
fn the_tests_command_says_who_runs_them() {
    let project = Project::new();
    project.write(BY_TIME, KEPT);
    let output = project.call(&["test"]);
    let told = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("later   dearer is not safer  (of the model fraud, by `mlsysc run`)"), "{told}");
    assert!(told.contains("no tests of definitions; 2 tests of models are run by `mlsysc run`"), "{told}");
    let output = project.call(&["test", "--json", "--only", "dearer"]);
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["tests"], Value::Array(Vec::new()));
    let expected = &json["of_models"][0]["expectations"];
    assert_eq!(expected[0], "rising in amount within 0.05 in 99% of examples", "{json}");
    assert_eq!(json["of_models"].as_array().map(Vec::len), Some(1));
}
