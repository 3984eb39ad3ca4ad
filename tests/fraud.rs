//! The fraud program on a small made-up set of payments: its features against an independent computation, its search,
//! and gates that are held against the production version.

use std::fs;
use std::path::Path;
use std::process::Command;

use mlsys_tests::{binaries, mlsysc, printed, repository, score};
use serde_json::Value;
use tempfile::TempDir;

/// A project with the program, its data and its state.
struct Project {
    folder: TempDir,
}

impl Project {
    /// The program with parts of its text replaced, on payments of 200 customers.
    fn new(replaced: &[(&str, &str)]) -> Self {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        let output = Command::new(binaries().join("mlsys-fraud-simulator"))
            .arg(project.path().join("data"))
            .args(["--customers", "200", "--terminals", "200", "--radius", "20", "--days", "170"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", printed(&output));
        project.write(replaced);
        project
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, replaced: &[(&str, &str)]) {
        let mut text = fs::read_to_string(repository().join("examples/fraud/fraud.mlsys")).unwrap();
        for (old, new) in replaced {
            assert!(text.contains(old), "the program does not say `{old}`");
            text = text.replace(old, new);
        }
        fs::write(self.path().join("fraud.mlsys"), text).unwrap();
    }

    /// The record of a run, and its exit code.
    fn run(&self) -> (i32, Value) {
        let output = mlsysc(&["run", "--json"]).current_dir(self.path()).output().unwrap();
        let code = output.status.code().unwrap_or(-1);
        assert!(code == 0 || code == 3, "{}", printed(&output));
        (code, serde_json::from_slice(&output.stdout).unwrap())
    }
}

/// What the test wants of the program: less work, and gates that do not depend on luck.
const SMALL: [(&str, &str); 3] =
    [("tune 12 trials", "tune 4 trials"), ("epochs    10", "epochs    3"), (">= 0.50", ">= 0.0")];

fn model(record: &Value) -> &Value {
    &record["models"][0]
}

#[test]
fn features_equal_an_independent_computation() {
    let project = Project::new(&SMALL);
    let (code, record) = project.run();
    assert_eq!(code, 0, "{record}");
    let not_executed = ["stream of payments (kafka)", "deployment approve (http, grpc)", "monitor fraud_watch"];
    let named: Vec<&str> = record["not_executed"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(named, not_executed);
    let rows = record["nodes"][0]["report"]["rows_written"].as_u64().unwrap();
    let nodes = record["nodes"].as_array().unwrap();
    let nightly = nodes.iter().find(|node| node["node"] == "deployment.nightly").unwrap();
    let scored = &nightly["report"]["scoring"][0];
    assert_eq!(
        (&scored["scored"], &scored["delivered"], &scored["coverage"]),
        (&rows.into(), &rows.into(), &1.0.into())
    );
    let python = repository().join(".testenv/bin/python");
    assert!(python.exists(), "the tests' Python environment is missing: `python3 .setup testenv` makes it");
    let output = Command::new(python)
        .arg(repository().join("tests/oracle/fraud_features.py"))
        .arg(project.path().join("data"))
        .arg(project.path().join(".mlsys/offline"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert!(printed(&output).contains(&format!("17 features x {rows} rows are equal")), "{}", printed(&output));
    assert!(rows > 40_000, "{rows}");
}

/// Every trial is recorded, the best one is the version's model, and another run in another folder finds the same.
#[test]
fn a_search_is_recorded_and_the_same_again() {
    let (left, right) = (Project::new(&SMALL), Project::new(&SMALL));
    let ((_, left), (_, right)) = (left.run(), right.run());
    let report = &model(&left)["report"];
    let trials = report["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 4);
    let scores: Vec<f64> = trials.iter().map(|trial| trial["score"].as_f64().unwrap()).collect();
    for trial in trials {
        let lr = trial["values"]["lr"]["float"].as_f64().unwrap();
        let dropout = trial["values"]["dropout"]["float"].as_f64().unwrap();
        assert!((1e-4..=1e-2).contains(&lr) && (0.0..=0.4).contains(&dropout), "{trial}");
        assert!(trial["values"]["hidden"]["list"].is_array(), "{trial}");
    }
    let best = report["best_trial"].as_u64().unwrap() as usize;
    assert!(scores.iter().all(|score| *score <= scores[best - 1]), "{scores:?}");
    let of_model = score(&report["parts"]["validate"], "average_precision");
    assert_eq!(Some(of_model), trials[best - 1]["score"].as_f64());
    let other = &model(&right)["report"];
    assert_eq!(report["parts"], other["parts"]);
    for (one, two) in trials.iter().zip(other["trials"].as_array().unwrap()) {
        assert_eq!((&one["values"], &one["score"]), (&two["values"], &two["score"]));
    }
}

#[test]
fn a_gate_is_held_against_the_version_in_production() {
    let project = Project::new(&SMALL);
    let champion_gate = |record: &Value| model(record)["gates"].as_array().unwrap()[1].clone();
    let (code, first) = project.run();
    let gate = champion_gate(&first);
    assert_eq!((code, gate["met"].as_bool(), &gate["bound"]), (0, Some(true), &Value::Null), "{gate}");
    assert_eq!(gate["note"], "holds, since there is no champion yet");
    assert_eq!(model(&first)["version"], 1);
    let reached = gate["value"].as_f64().unwrap();

    // The same again: the champion is this version itself.
    let (_, same) = project.run();
    assert_eq!(champion_gate(&same)["note"], "version 1 is the champion itself");
    assert_eq!(model(&same)["fresh"], false);

    // A training that cannot be as good: the champion is judged on these examples, and stays.
    let [trials, _, no_bound] = SMALL;
    let short = ("epochs    10", "epochs    1");
    let slow = ("lr      in log(1e-4, 1e-2)", "lr      in [1e-7]");
    project.write(&[trials, short, no_bound, slow]);
    let (code, third) = project.run();
    let gate = champion_gate(&third);
    assert_eq!((code, gate["met"].as_bool()), (3, Some(false)), "{gate}");
    assert_eq!(gate["note"], "the champion is version 1");
    assert!((gate["bound"].as_f64().unwrap() - (reached - 0.01)).abs() < 1e-12, "{gate}");
    assert_eq!(model(&third)["version"], Value::Null);

    // An input that the champion reads is gone: it cannot be judged, and the gate says so.
    project.write(&[trials, short, no_bound, ("    amount\n    night", "    night")]);
    let (code, fourth) = project.run();
    let gate = champion_gate(&fourth);
    assert_eq!((code, gate["met"].as_bool()), (3, Some(false)), "{gate}");
    assert!(gate["note"].as_str().unwrap().contains("cannot be held against these examples"), "{gate}");
}
