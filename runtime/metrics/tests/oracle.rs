//! Every metric against scikit-learn and fairlearn, on predictions with ties, both zeros, extremes, single classes, single rows,
//! groups of one row, and weights of every kind.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use mlsys_metrics::{Judged, Truth, Weights, all, value};
use mlsys_plan::{Call, Task, Value};
use serde_json::json;

/// How many seeds cases are drawn from, each for itself.
const SEEDS: u64 = 40;

/// How many cases of every task a seed gives.
const ROUNDS: usize = 12;

/// Metrics in the unit of the labels.
const IN_UNITS: [&str; 3] = ["rmse", "mae", "pinball"];

#[derive(Clone, Debug)]
struct Case {
    task: Task,
    labels: Vec<f64>,
    predictions: Vec<f64>,
    width: usize,
    groups: Vec<u64>,
    codes: Vec<u32>,
    quantiles: Vec<f64>,
    weights: Option<Vec<f64>>,
    /// How large labels are.
    scale: f64,
}

#[test]
fn metrics_equal_those_of_scikit_learn_and_fairlearn() {
    let (seeds, cases): (Vec<u64>, Vec<Case>) =
        (1..=SEEDS).flat_map(|seed| cases(seed).into_iter().map(move |case| (seed, case))).unzip();
    let answers = asked(&cases);
    assert_eq!(answers.len(), cases.len());
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    for ((case, seed), expected) in cases.iter().zip(seeds).zip(&answers) {
        for metric in calls(case.task) {
            let (name, found) = (metric.to_string(), found(case, &metric));
            let expected = expected.get(&name).copied().flatten();
            let unit = if IN_UNITS.contains(&metric.name.as_str()) { case.scale } else { 1.0 };
            let close = match (found, expected) {
                (Some(found), Some(expected)) => (found - expected).abs() <= 1e-9 * expected.abs().max(unit),
                (found, expected) => found.is_none() && expected.is_none(),
            };
            assert!(close, "{name}, seed {seed}: {found:?}, expected {expected:?} of {case:?}");
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
    let judged = judged.with_column("shop", &case.codes).unwrap().with_threshold(0.5).unwrap();
    let judged = if case.quantiles.is_empty() { judged } else { judged.with_quantiles(&case.quantiles).unwrap() };
    let judged = if case.task == Task::Ranking { judged.with_groups(&case.groups).unwrap() } else { judged };
    let weights = case.weights.as_ref().map(|weights| Weights::new(weights).unwrap());
    value(metric, &judged, weights.as_ref())
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

    /// One of the numbers below a count.
    fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.below(values.len())]
    }

    fn many<T>(&mut self, count: usize, mut draw: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..count).map(|_| draw(self)).collect()
    }

    /// Numbers from 0 to 1: all different, few different ones, both zeros, only extremes, or all the same.
    fn units(&mut self, count: usize) -> Vec<f64> {
        match self.below(6) {
            0 | 1 => self.many(count, Self::unit),
            2 => self.many(count, |draws| (draws.unit() * 5.0).floor() / 4.0),
            3 => self.many(count, |draws| draws.one_of(&[-0.0, 0.0, 0.5, 0.7])),
            4 => self.many(count, |draws| draws.one_of(&[0.0, 1.0])),
            _ => vec![self.one_of(&[0.1, 0.5, 1.0]); count],
        }
    }

    /// Numbers around 0: as [`Draws::units`] are.
    fn around(&mut self, count: usize) -> Vec<f64> {
        let middle = self.one_of(&[0.0, 0.5]);
        self.units(count).into_iter().map(|unit| if middle > 0.0 { unit - middle } else { unit }).collect()
    }

    /// Truths, classes or grades below a count, or one of them only.
    fn kinds(&mut self, rows: usize, count: usize) -> Vec<f64> {
        let only = self.below(count) as f64;
        if self.below(5) == 0 { vec![only; rows] } else { self.many(rows, |draws| draws.below(count) as f64) }
    }

    /// No weights, whole ones, broken ones, very large or small ones, one that is not zero, or none that is not.
    fn weights(&mut self, rows: usize) -> Option<Vec<f64>> {
        let scale = self.one_of(&[1.0, 1.0, 1e-100, 1e100]);
        match self.below(8) {
            0..=2 => None,
            3 | 4 => Some(self.many(rows, |draws| draws.below(4) as f64)),
            5 => Some(self.many(rows, |draws| draws.unit() * scale)),
            6 => {
                let only = self.below(rows);
                Some((0..rows).map(|row| if row == only { 2.5 } else { 0.0 }).collect())
            }
            _ => Some(if self.below(4) == 0 { vec![0.0; rows] } else { self.many(rows, |draws| draws.unit() + 0.1) }),
        }
    }

    /// Groups that are compared: three, all the same, each row its own, or one row beside all others.
    fn codes(&mut self, rows: usize) -> Vec<u32> {
        match self.below(5) {
            0 | 1 => self.many(rows, |draws| draws.below(3) as u32),
            2 => vec![4; rows],
            3 => (0..rows as u32).collect(),
            _ => (0..rows).map(|row| u32::from(row == rows / 2)).collect(),
        }
    }

    /// Groups that are ranked: rows one after the other, from one row on.
    fn groups(&mut self, rows: usize) -> Vec<u64> {
        let longest = self.one_of(&[1, 3, 6, 20]);
        let mut group = 0;
        self.many(rows, |draws| {
            group += u64::from(draws.below(longest) == 0);
            group
        })
    }
}

/// Cases of one seed, for every task.
fn cases(seed: u64) -> Vec<Case> {
    let (mut draws, mut of_retrieval) = (Draws(seed), Draws(seed + 1_000));
    let mut cases = Vec::new();
    for _ in 0..ROUNDS {
        let rows = draws.one_of(&[1, 2, 3, 5, 8, 21, 60]);
        let tasks = [Task::Binary, Task::Multiclass, Task::Regression, Task::Quantile, Task::Ranking, Task::Anomaly];
        cases.extend(tasks.map(|task| case(&mut draws, task, rows)));
        cases.push(case(&mut of_retrieval, Task::Retrieval, rows));
    }
    cases
}

fn case(draws: &mut Draws, task: Task, rows: usize) -> Case {
    let width = match task {
        Task::Multiclass | Task::Quantile => 3,
        Task::Retrieval => 2,
        _ => 1,
    };
    let scale = draws.one_of(&[1.0, 1.0, 1.0, 1e-150, 1e150, 1e-200, 1e200]);
    let mut case = Case {
        task,
        labels: Vec::new(),
        predictions: draws.units(rows * width),
        width,
        groups: draws.groups(rows),
        codes: draws.codes(rows),
        quantiles: if task == Task::Quantile { vec![0.1, 0.5, 0.9] } else { Vec::new() },
        weights: draws.weights(rows),
        scale: 1.0,
    };
    match task {
        Task::Binary => case.labels = draws.kinds(rows, 2),
        Task::Multiclass => {
            case.labels = draws.kinds(rows, width);
            case.predictions.chunks_mut(width).for_each(|row| {
                let sum: f64 = row.iter().sum::<f64>() + 3e-3;
                row.iter_mut().for_each(|value| *value = (*value + 1e-3) / sum);
            });
        }
        Task::Regression | Task::Quantile => {
            case.scale = scale;
            let scaled = |values: Vec<f64>| values.into_iter().map(|value| value * scale).collect();
            (case.labels, case.predictions) = (scaled(draws.around(rows)), scaled(draws.around(rows * width)));
        }
        Task::Ranking => {
            case.labels = draws.kinds(rows, 3);
            if draws.below(3) == 0 {
                case.predictions = draws.around(rows).into_iter().map(|value| value * scale).collect();
            }
            // Weights of groups, as resampling has them.
            let of_groups =
                |weights: Vec<f64>| case.groups.iter().map(|group| weights[*group as usize % rows]).collect();
            case.weights = case.weights.take().map(of_groups);
        }
        Task::Retrieval => {
            // How many candidates stand above, and how many beside.
            case.predictions.iter_mut().for_each(|count| *count = (count.abs() * 14.0).floor());
            case.labels = vec![0.0; rows];
        }
        Task::Anomaly => case.labels = vec![0.0; rows],
    }
    case
}
