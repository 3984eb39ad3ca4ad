//! The flights program on the real data: its numbers, and every feature value against an independent computation.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use mlsys_tests::{mlsysc, printed, repository, score};
use serde_json::Value;

/// One run for everything that is to be seen on it, since it is the longest of all tests.
#[test]
fn the_flights_program_runs_end_to_end() {
    let example = repository().join("examples/flights");
    assert!(example.join("data/flights.csv").exists(), "the data is missing: `make data` fetches it");
    let state = tempfile::tempdir().unwrap();
    let run = |json: bool| {
        let mut command = mlsysc(&["run", &example.to_string_lossy(), "--state", &state.path().to_string_lossy()]);
        if json {
            command.arg("--json");
        }
        command.output().unwrap()
    };
    let output = run(true);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    examples_are_counted(&record);
    gates_are_met(&record);
    features_equal_an_independent_computation(state.path());

    let best = (0..3).map(|_| {
        let started = Instant::now();
        let text = printed(&run(false));
        assert!(text.contains("nothing to do: all 10 nodes are current"), "{text}");
        started.elapsed()
    });
    let best = best.min().unwrap();
    assert!(best.as_secs_f64() < 1.0, "{best:?}");
}

fn node<'a>(record: &'a Value, name: &str) -> &'a Value {
    record["nodes"].as_array().unwrap().iter().find(|node| node["node"] == name).unwrap()
}

fn examples_are_counted(record: &Value) {
    assert_eq!(node(record, "source.flights")["report"]["rows_written"], 336_776);
    let observed = &node(record, "observe.late_arrival")["report"];
    let rows = &observed["rows"];
    let part = |name: &str| rows[name].as_u64().unwrap();
    let left_out = observed["left_out"].as_u64().unwrap();
    assert_eq!(part("train") + part("validate") + part("test") + left_out, 327_346);
    let left_out_of_training = observed["left_out_by_part"]["train"].as_u64().unwrap();
    assert_eq!(part("train") + left_out_of_training, 217_680);
    assert!(left_out_of_training > 0, "flights in the air at the boundary are not known yet");
}

fn gates_are_met(record: &Value) {
    let model = &record["models"][0];
    let auc = score(&model["report"]["parts"]["test"], "auc");
    assert!(auc >= 0.70, "test AUC {auc}");
    assert_eq!(model["version"], 1);
    assert!(model["gates"].as_array().unwrap().iter().any(|gate| gate["slice"] == "UA"));
}

/// All rows of all features, computed by DuckDB from the files themselves.
fn features_equal_an_independent_computation(state: &Path) {
    let python = repository().join(".testenv/bin/python");
    assert!(python.exists(), "the tests' Python environment is missing: `python3 .setup testenv` makes it");
    let output = Command::new(python)
        .arg(repository().join("tests/oracle/flights_features.py"))
        .arg(repository().join("examples/flights/data"))
        .arg(state.join("offline"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    assert!(printed(&output).contains("13 features x 327346 rows are equal"), "{}", printed(&output));
}
