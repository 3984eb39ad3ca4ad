//! Metrics against scikit-learn, on predictions with ties, extremes and single classes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mlsys_torch::metrics;
use serde_json::json;

#[test]
fn metrics_equal_scikit_learns() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = repository.join(".testenv/bin/python");
    assert!(python.exists(), "the tests' Python environment is missing: `python3 .setup testenv` makes it");
    let cases = cases();
    let mut oracle = Command::new(python)
        .arg(repository.join("tests/oracle/metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = oracle.stdin.take().unwrap();
    for (labels, probabilities) in &cases {
        writeln!(stdin, "{}", json!({ "labels": labels, "probabilities": probabilities })).unwrap();
    }
    drop(stdin);
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<BTreeMap<String, f64>> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len());
    for ((labels, probabilities), expected) in cases.iter().zip(answers) {
        let found: BTreeMap<String, f64> = metrics(labels, probabilities)
            .into_iter()
            .map(|(metric, value)| (metric.name().to_owned(), value))
            .collect();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (name, value) in &expected {
            assert!((found[name] - value).abs() <= 1e-9 * value.abs().max(1.0), "{name}: {} {value}", found[name]);
        }
    }
}

fn cases() -> Vec<(Vec<bool>, Vec<f64>)> {
    let mut state = 7_u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut cases = vec![
        (vec![true, false, true], vec![0.0, 1.0, 1.0]),
        (vec![true, true], vec![0.3, 0.3]),
        (vec![false, false, false], vec![0.1, 0.9, 0.5]),
    ];
    for round in 0..40 {
        let rows = 2 + round * 13;
        let labels: Vec<bool> = (0..rows).map(|_| random() < 0.3).collect();
        // Every other case has few distinct values, so that most of them tie.
        let coarse = round % 2 == 0;
        let probabilities = (0..rows).map(|_| if coarse { (random() * 5.0).floor() / 5.0 } else { random() }).collect();
        cases.push((labels, probabilities));
    }
    cases
}
