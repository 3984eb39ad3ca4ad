//! Every metric against scikit-learn and fairlearn, on predictions with ties, extremes, single classes and weights.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mlsys_metrics::{Judged, Truth, all, value};
use mlsys_plan::{Call, Task, Value};
use serde_json::json;

#[derive(Clone)]
struct Case {
    task: Task,
    labels: Vec<f64>,
    predictions: Vec<f64>,
    width: usize,
    groups: Vec<u64>,
    codes: Vec<u32>,
    quantiles: Vec<f64>,
    weights: Option<Vec<f64>>,
}

#[test]
fn metrics_equal_those_of_scikit_learn_and_fairlearn() {
    let cases = cases();
    let answers = asked(&cases);
    assert_eq!(answers.len(), cases.len());
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for (case, expected) in cases.iter().zip(&answers) {
        for metric in calls(case.task) {
            let (name, found) = (metric.to_string(), found(case, &metric));
            let expected = expected.get(&name).copied().flatten();
            let close = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(1.0),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(close, "{name} of {:?}: {found:?} {expected:?}", case.task);
            let known = all().find(|known| known.name == metric.name).unwrap();
            *compared.entry(known.name).or_default() += usize::from(found.is_some());
        }
    }
    let never: Vec<&str> = all().map(|metric| metric.name).filter(|name| !compared.contains_key(name)).collect();
    assert!(never.is_empty() && compared.values().all(|count| *count > 20), "{never:?} {compared:?}");
}

fn call(name: &str, args: &[(&str, Value)]) -> Call {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Call { name: name.to_owned(), args }
}

/// The metrics of a task, those with arguments with some.
fn calls(task: Task) -> Vec<Call> {
    let k = |k: i64| [("k", Value::Int(k))];
    let at = |threshold: f64| [("threshold", Value::Float(threshold))];
    let by = [("by", Value::String("shop".to_owned()))];
    let every = [
        call("auc", &[]),
        call("average_precision", &[]),
        call("log_loss", &[]),
        call("accuracy", &[]),
        call("brier", &[]),
        call("calibration_error", &[("bins", Value::Int(7))]),
        call("f1", &at(0.3)),
        call("precision", &at(0.6)),
        call("ndcg", &k(3)),
        call("ndcg", &k(10)),
        call("mrr", &[]),
        call("hit_rate", &k(2)),
        call("precision_at", &k(2)),
        call("recall", &k(3)),
        call("rmse", &[]),
        call("mae", &[]),
        call("mape", &[]),
        call("r2", &[]),
        call("pinball", &[]),
        call("coverage", &[("low", Value::Float(0.1)), ("high", Value::Float(0.9))]),
        call("false_alarms", &[]),
        call("equalized_odds_difference", &by),
        call("demographic_parity_difference", &by),
    ];
    let fits = |metric: &Call| all().any(|known| known.name == metric.name && known.tasks.contains(&task));
    every.into_iter().filter(fits).collect()
}

fn found(case: &Case, metric: &Call) -> Option<f64> {
    let truths: Vec<bool> = case.labels.iter().map(|label| *label > 0.0).collect();
    let classes: Vec<u32> = case.labels.iter().map(|label| *label as u32).collect();
    let truth = match case.task {
        Task::Binary => Truth::Binary(&truths),
        Task::Multiclass => Truth::Classes { labels: &classes, count: case.width },
        Task::Ranking => Truth::Grades(&case.labels),
        Task::Anomaly | Task::Retrieval => Truth::None,
        _ => Truth::Numbers(&case.labels),
    };
    let judged = Judged::new(case.task, truth, &case.predictions, case.width).unwrap();
    let judged = judged.with_column("shop", &case.codes).unwrap().with_quantiles(&case.quantiles).with_threshold(0.5);
    let judged = if case.task == Task::Ranking { judged.with_groups(&case.groups).unwrap() } else { judged };
    value(metric, &judged, case.weights.as_deref())
}

fn asked(cases: &[Case]) -> Vec<BTreeMap<String, Option<f64>>> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = repository.join(".testenv/bin/python");
    assert!(python.exists(), "the tests' Python environment is missing: `python3 .setup testenv` makes it");
    let mut oracle = Command::new(python)
        .arg(repository.join("tests/oracle/metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = oracle.stdin.take().unwrap();
    let lines: Vec<String> = cases.iter().map(|case| line(case).to_string()).collect();
    // Answers are written while questions are still read: both at once, or both wait for each other.
    let writer = std::thread::spawn(move || lines.iter().for_each(|line| writeln!(stdin, "{line}").unwrap()));
    let output = oracle.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn line(case: &Case) -> serde_json::Value {
    let args = |metric: &Call| -> BTreeMap<String, serde_json::Value> {
        let plain = |value: &Value| match value {
            Value::Int(value) => json!(value),
            Value::Float(value) => json!(value),
            Value::String(value) => json!(value),
            _ => json!(null),
        };
        metric.args.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
    };
    let metrics: Vec<_> = calls(case.task)
        .iter()
        .map(|metric| json!({ "text": metric.to_string(), "name": metric.name, "args": args(metric) }))
        .collect();
    json!({
        "task": case.task.name(), "labels": case.labels, "predictions": case.predictions, "width": case.width,
        "groups": case.groups, "codes": case.codes, "quantiles": case.quantiles, "weights": case.weights,
        "metrics": metrics,
    })
}

/// Numbers that are the same in every run.
struct Draws(u64);

impl Draws {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as f64 / f64::from(1_u32 << 31)
    }

    /// Every other time one of few values, so that most of them tie.
    fn coarse(&mut self, coarse: bool) -> f64 {
        if coarse { (self.unit() * 5.0).floor() / 5.0 } else { self.unit() }
    }
}

fn cases() -> Vec<Case> {
    let (mut draws, mut of_retrieval) = (Draws(7), Draws(8));
    let mut cases = Vec::new();
    for round in 0..60_usize {
        let rows = 1 + round * round / 9;
        let coarse = round % 2 == 0;
        let weights = (round % 3 == 1).then(|| (0..rows).map(|_| (draws.unit() * 4.0).floor()).collect::<Vec<f64>>());
        let weights = weights.filter(|weights| weights.iter().sum::<f64>() > 0.0);
        let base = |draws: &mut Draws, task, width: usize| Case {
            task,
            labels: Vec::new(),
            predictions: (0..rows * width).map(|_| draws.coarse(coarse)).collect(),
            width,
            groups: (0..rows as u64).map(|row| row / 4).collect(),
            codes: (0..rows).map(|_| (draws.unit() * 3.0) as u32).collect(),
            quantiles: Vec::new(),
            weights: weights.clone(),
        };
        let mut binary = base(&mut draws, Task::Binary, 1);
        binary.labels = (0..rows).map(|_| f64::from(u8::from(draws.unit() < 0.3))).collect();
        if round == 5 {
            binary.predictions.fill(1.0);
        }
        let mut classes = base(&mut draws, Task::Multiclass, 3);
        classes.predictions.chunks_mut(3).for_each(|row| {
            let sum: f64 = row.iter().sum::<f64>() + 3e-3;
            row.iter_mut().for_each(|value| *value = (*value + 1e-3) / sum);
        });
        classes.labels = (0..rows).map(|_| (draws.unit() * 3.0).floor()).collect();
        let mut numbers = base(&mut draws, Task::Regression, 1);
        numbers.labels = (0..rows).map(|_| draws.coarse(coarse) * 10.0 - 5.0).collect();
        let mut quantiles = base(&mut draws, Task::Quantile, 3);
        quantiles.quantiles = vec![0.1, 0.5, 0.9];
        quantiles.labels = (0..rows).map(|_| draws.unit()).collect();
        let mut ranked = base(&mut draws, Task::Ranking, 1);
        ranked.labels = (0..rows).map(|_| (draws.unit() * 3.0).floor()).collect();
        // Weights of groups, as resampling has them.
        ranked.weights = ranked.weights.map(|weights| (0..rows).map(|row| weights[row / 4]).collect());
        ranked.weights = ranked.weights.filter(|weights| weights.iter().sum::<f64>() > 0.0);
        let mut anomalies = base(&mut draws, Task::Anomaly, 1);
        anomalies.labels = vec![0.0; rows];
        let mut retrieved = base(&mut of_retrieval, Task::Retrieval, 2);
        // How many candidates stand above, and how many beside.
        retrieved.predictions.iter_mut().for_each(|count| *count = (*count * 14.0).floor());
        retrieved.labels = vec![0.0; rows];
        cases.extend([binary, classes, numbers, quantiles, ranked, retrieved, anomalies]);
    }
    cases
}
