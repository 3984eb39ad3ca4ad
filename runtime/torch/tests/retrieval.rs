//! Retrieval: two towers learn which candidate belongs to a query, and are judged by exact search among all candidates.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use mlsys_plan::{Bound, Call, Comparison, Gate, Part, StopEarly, Task, Type, Value, columns};
use mlsys_torch::{Examples, Model, judge, train};
use mlsys_training::{JudgeJob, Scores, TrainJob};
use toy::{call, hidden, input, job_on, part, turn, write_columns};

const ROWS: usize = 2400;

/// How many items there are; the last one is in the test part only.
const ITEMS: usize = 12;

/// A query, and the item that it led to.
struct Row {
    want: f64,
    item: String,
    price: f64,
    part: &'static str,
}

fn price(item: usize) -> f64 {
    (item * 5 % ITEMS) as f64 / ITEMS as f64
}

/// The item is the one that the query wants, every eighth time another one.
fn rows() -> Vec<Row> {
    let row = |row: usize| {
        let want = (row * 7919 % 10_007) as f64 / 10_007.0;
        let wanted = (want * (ITEMS - 1) as f64) as usize;
        let part = part(row, ROWS);
        let item = if row.is_multiple_of(8) { row * 31 % (ITEMS - 1) } else { wanted };
        let item = if part == "test" && row.is_multiple_of(50) { ITEMS - 1 } else { item };
        Row { want, item: format!("item {item:02}"), price: price(item), part }
    };
    (0..ROWS).map(row).collect()
}

fn write(folder: &Path, rows: &[Row]) -> PathBuf {
    let parts: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.part)));
    let halves = rows.iter().map(|row| if row.want < 0.5 { "low" } else { "high" });
    write_columns(
        folder,
        [
            ("want", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.want))) as ArrayRef),
            ("item", Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.item.clone())))),
            ("price", Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row.price)))),
            (columns::PART, parts),
            ("__slice.half", Arc::new(StringArray::from_iter_values(halves))),
        ],
    )
}

fn inputs(names: &[&str]) -> Value {
    Value::List(names.iter().map(|name| Value::String((*name).to_owned())).collect())
}

fn first(name: &str, k: i64) -> Call {
    call(name, &[("k", Value::Int(k))])
}

fn wanted() -> [Call; 5] {
    [first("recall", 3), first("hit_rate", 3), first("precision_at", 3), first("ndcg", 10), call("mrr", &[])]
}

fn retrieval(folder: &Path, rows: &[Row]) -> TrainJob {
    let read = vec![
        input("want", Type::Float64.required()),
        input("item", Type::String.required()),
        input("price", Type::Float64.required()),
    ];
    let mut job = job_on(folder, write(folder, rows), Task::Retrieval, read);
    let train = &mut job.train;
    train.label = None;
    let (query, candidate) = (inputs(&["want"]), inputs(&["item", "price"]));
    let dim = ("dim", Value::Int(8));
    train.learner = call("two_tower", &[("query", query), ("candidate", candidate), dim, hidden(&[32])]);
    train.training.loss = Some(call("sampled_softmax", &[("temperature", Value::Float(0.1))]));
    train.training.stop_early = Some(StopEarly { patience: 10, part: Part::Validate, metric: call("mrr", &[]) });
    let gate = |metric: Call, by: Option<&str>| Gate {
        part: Part::Test,
        metric,
        per: None,
        comparison: Comparison::GreaterOrEqual,
        bound: Bound::Number(0.0),
        by: by.map(str::to_owned),
        min_rows: 1,
        line: 1,
    };
    train.gates = wanted().into_iter().map(|metric| gate(metric, None)).collect();
    train.gates.push(gate(first("recall", 3), Some("half")));
    job
}

/// The metrics by their definitions: every query with every candidate through the model, one after the other.
struct Naive {
    /// The own candidate's ranks of each row of the test part, from 1: several where others are as good.
    ranks: Vec<Vec<f64>>,
}

impl Naive {
    fn of(model: &Model, rows: &[Row]) -> Self {
        let candidates: BTreeSet<(String, u64)> =
            rows.iter().map(|row| (row.item.clone(), row.price.to_bits())).collect();
        let test: Vec<&Row> = rows.iter().filter(|row| row.part == "test").collect();
        let crossed: Vec<Row> = test
            .iter()
            .flat_map(|row| {
                candidates.iter().map(|(item, price)| Row {
                    want: row.want,
                    item: item.clone(),
                    price: f64::from_bits(*price),
                    part: "test",
                })
            })
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let read = Examples::read(&[vec![write(folder.path(), &crossed)]]).unwrap();
        let scores = model.predict(&read, &(0..crossed.len()).collect::<Vec<_>>()).unwrap();
        let ranks = test.iter().zip(scores.chunks(candidates.len())).map(|(row, scores)| {
            let mine = candidates.iter().position(|(item, _)| *item == row.item).unwrap();
            let above = scores.iter().filter(|score| **score as f32 > scores[mine] as f32).count();
            let same = scores.iter().filter(|score| **score as f32 == scores[mine] as f32).count();
            (above + 1..=above + same).map(|rank| rank as f64).collect()
        });
        Naive { ranks: ranks.collect() }
    }

    fn mean(&self, worth: impl Fn(f64) -> f64) -> f64 {
        let each =
            self.ranks.iter().map(|ranks| ranks.iter().map(|rank| worth(*rank)).sum::<f64>() / ranks.len() as f64);
        each.sum::<f64>() / self.ranks.len() as f64
    }

    fn hold(&self, reported: &Scores) {
        let among = |k: f64| move |rank: f64| f64::from(u8::from(rank <= k));
        let gain = |rank: f64| if rank <= 10.0 { 1.0 / (rank + 1.0).log2() } else { 0.0 };
        let recall = self.mean(among(3.0));
        let expected = [recall, recall, recall / 3.0, self.mean(gain), self.mean(|rank| 1.0 / rank)];
        for (metric, expected) in wanted().iter().zip(expected) {
            let found = reported.of(metric).unwrap_or_else(|| panic!("{metric} is not among {reported:?}"));
            assert!((found - expected).abs() < 1e-9, "{metric}: {found} {expected}");
        }
    }
}

#[test]
fn two_towers_find_what_belongs_together() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let rows = rows();
    let job = retrieval(folder.path(), &rows);
    let report = train(&job, &mut |_| {}).unwrap();
    let test = &report.parts[&Part::Test];
    // One of twelve by chance; every eighth item is another one, and one was never seen.
    assert!(test.metrics.of(&first("recall", 3)).unwrap() > 0.75, "{:?}", test.metrics);
    assert!(test.metrics.get("mrr").unwrap() > 0.6, "{:?}", test.metrics);
    assert!(test.metrics.0.iter().all(|score| score.interval.is_some()) && test.curves.is_none());
    assert_eq!(test.slices.iter().map(|slice| slice.rows).sum::<u64>(), test.rows);
    assert!(test.slices.len() == 2 && test.slices.iter().all(|slice| slice.metrics.of(&first("recall", 3)).is_some()));
    assert!(report.epochs.iter().all(|epoch| epoch.validate.get("mrr").is_some()));
    let learnt_from = &report.parts[&Part::Train];
    assert!(learnt_from.rows > 1000 && learnt_from.metrics.0.is_empty() && report.importance.is_empty());

    let model = Model::load(&job.output).unwrap();
    Naive::of(&model, &rows).hold(&test.metrics);

    // Held against the examples once more, as a champion is.
    let judged = JudgeJob {
        train: job.train.clone(),
        examples: job.examples.clone(),
        model: job.output.clone(),
        output: folder.path().join("judged.json"),
        threads: Some(1),
    };
    let again = judge(&judged, &mut |_| {}).unwrap();
    assert_eq!(again.parts[&Part::Test], *test);
}

/// A model that has learnt nothing yet prefers nothing by much: the definitions hold for it as well, at any number of candidates.
#[test]
fn metrics_are_those_of_counting_one_by_one() {
    let _turn = turn();
    let mut tied = 0;
    for round in 0..6_usize {
        let folder = tempfile::tempdir().unwrap();
        let items = 2 + round * 9;
        let row = |row: usize| Row {
            want: (row * 7919 % 1009) as f64 / 1009.0,
            item: format!("{}", row * 31 % items),
            price: (row * 31 % items % 2) as f64,
            part: ["train", "validate", "test"][row % 3 * usize::from(row > 5)],
        };
        let rows: Vec<Row> = (0..120).map(row).collect();
        let mut job = retrieval(folder.path(), &rows);
        job.train.training.epochs = 1;
        job.train.training.optimizer = call("sgd", &[("lr", Value::Float(1e-6))]);
        // Without a layer and with one factor every candidate is at one of two ends: most of them tie.
        if round % 2 == 0 {
            job.train.learner.args.insert("dim".to_owned(), Value::Int(1));
        }
        let report = train(&job, &mut |_| {}).unwrap();
        let naive = Naive::of(&Model::load(&job.output).unwrap(), &rows);
        naive.hold(&report.parts[&Part::Test].metrics);
        tied += naive.ranks.iter().filter(|ranks| ranks.len() > 1).count();
    }
    assert!(tied > 20, "{tied} rows of which another candidate is as good");
}
