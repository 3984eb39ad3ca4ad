//! Mistakes that other systems have made, as tests by name, and the edges of the semantics.

use std::sync::Mutex;

use mlsys_dataflow::{Dataflow, Options};
use mlsys_plan::{BinaryOp, Type};

use crate::build::*;
use crate::join::{group, joined, run, value, wants, write};
use crate::oracle::{Event, Feature, Observation, Value, Window};

fn event(key: (&str, &str), at: i64, seq: i64, x: f64) -> Event {
    let key = [Some(key.0.to_owned()), Some(key.1.to_owned())];
    let (n, s) = (Some(seq), Some(format!("s{seq}")));
    Event { key, at: Some(at), seq: Some(seq), keep: Some(true), x: Some(x), n, s, b: Some(x > 0.0) }
}

fn observation(key: (&str, &str), at: i64) -> Observation {
    Observation { key: [Some(key.0.to_owned()), Some(key.1.to_owned())], at: Some(at) }
}

fn feature(function: &'static str, column: &'static str, width: Option<i64>) -> Feature {
    let window = width.map_or(Window::All, Window::Range);
    Feature { function, column, is_filtered: false, window, offset: 0, step: None }
}

const KEY: (&str, &str) = ("a", "b");

async fn shown(features: &[Feature], events: &[Event], observations: &[Observation]) -> Vec<String> {
    show(&joined(&Project::new(), features, events, observations).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_exactly_at_the_left_edge_is_seen_and_one_at_the_observation_is_not() {
    let events = [event(KEY, 10, 0, 1.0), event(KEY, 17, 1, 2.0)];
    let features = [feature("count", "rows", Some(7)), feature("sum", "x", Some(7)), feature("count", "rows", Some(8))];
    let observations = [10, 11, 17, 18, 24, 25].map(|at| observation(KEY, at));
    let rows = shown(&features, &events, &observations).await;
    assert_eq!(rows, ["0|0.0|0", "1|1.0|1", "1|1.0|1", "1|2.0|2", "1|2.0|1", "0|0.0|1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_with_a_longer_window_changes_nothing() {
    let events = [event(KEY, 0, 0, 1.0), event(KEY, 1, 1, 5.0), event(KEY, 7, 2, 2.0)];
    let observations = [observation(KEY, 8)];
    let alone = shown(&[feature("max", "x", Some(7))], &events, &observations).await;
    let both = shown(&[feature("max", "x", Some(7)), feature("max", "x", Some(8))], &events, &observations).await;
    assert_eq!((alone[0].as_str(), both[0].as_str()), ("5.0", "5.0|5.0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_one_instant_are_ordered_by_the_sources_key_whatever_order_they_came_in() {
    let mut events: Vec<Event> = (0..20).map(|seq| event(KEY, 5, seq, f64::from(seq as i32))).collect();
    let features = [feature("first", "s", Some(9)), feature("last", "s", Some(9)), feature("last", "x", None)];
    for turn in 0..5 {
        events.rotate_left(7);
        events.swap(turn, 19);
        let project = Project::with(1 + turn, 1 + turn);
        let rows = show(&joined(&project, &features, &events, &[observation(KEY, 6)]).await);
        assert_eq!(rows, ["s0|s19|19.0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_rows_of_one_instant_are_ordered_by_their_content() {
    let mut events: Vec<Event> = [3.0, 1.0, 2.0].into_iter().map(|x| event(KEY, 5, 0, x)).collect();
    for _ in 0..3 {
        events.rotate_left(1);
        let project = Project::new();
        write(&project, &events, &[observation(KEY, 6)]);
        let mut group = group(&[feature("first", "x", None), feature("last", "x", None)]);
        group.order.clear();
        run(&project, &wants(&group), &group).await.unwrap();
        assert_eq!(show(&read_table(&project.path("joined.parquet"))), ["1.0|3.0"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn composite_keys_are_not_put_together_as_text() {
    let events = [event(("1", "23"), 0, 0, 1.0), event(("12", "3"), 0, 1, 2.0), event(("", "123"), 0, 2, 4.0)];
    let keys = [("1", "23"), ("12", "3"), ("123", ""), ("", "123")];
    let rows = shown(&[feature("sum", "x", None)], &events, &keys.map(|key| observation(key, 1))).await;
    assert_eq!(rows, ["1.0", "2.0", "0.0", "4.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_observation_gives_one_row_however_many_are_equal() {
    let events: Vec<Event> = (0..4).map(|seq| event(KEY, 5, seq, 1.0)).collect();
    let observations = vec![observation(KEY, 6); 5];
    let rows = shown(&[feature("count", "rows", None), feature("last", "n", None)], &events, &observations).await;
    assert_eq!(rows, vec!["4|3"; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_a_window_leaves_no_trace() {
    let events = [
        event(KEY, 0, 0, 1e300),
        event(KEY, 1, 1, f64::NAN),
        event(KEY, 2, 2, f64::INFINITY),
        event(KEY, 10, 3, 0.1),
        event(KEY, 11, 4, 0.2),
    ];
    let features = [feature("sum", "x", Some(5)), feature("mean", "x", Some(5)), feature("max", "x", Some(5))];
    let rows = shown(&features, &events, &[observation(KEY, 1), observation(KEY, 3), observation(KEY, 12)]).await;
    assert_eq!(rows, ["1e300|1e300|1e300", "NaN|NaN|NaN", "0.30000000000000004|0.15000000000000002|0.2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_window_counts_nothing_and_has_no_mean() {
    let features = ["count", "sum", "mean", "min", "max", "first", "last"].map(|name| feature(name, "x", Some(5)));
    let rows = shown(&features, &[event(KEY, 0, 0, 1.0)], &[observation(KEY, 0), observation(("z", "z"), 9)]).await;
    assert_eq!(rows, vec!["0|0.0|-|-|-|-|-"; 2]);
    let rows = shown(&features, &[], &[observation(KEY, 0)]).await;
    assert_eq!(rows, ["0|0.0|-|-|-|-|-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_key_is_an_entity_without_rows() {
    let mut nobody = event(KEY, 0, 0, 1.0);
    nobody.key[1] = None;
    let mut unknown = observation(KEY, 5);
    unknown.key[1] = None;
    let rows =
        shown(&[feature("count", "rows", None)], &[nobody, event(KEY, 0, 1, 1.0)], &[unknown, observation(KEY, 5)])
            .await;
    assert_eq!(rows, ["0", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_at_the_ends_of_time_do_not_overflow() {
    let events = [event(KEY, i64::MIN, 0, 1.0), event(KEY, i64::MAX - 1, 1, 2.0), event(KEY, i64::MAX, 2, 4.0)];
    let features = [feature("sum", "x", Some(i64::MAX)), feature("sum", "x", Some(1)), feature("sum", "x", None)];
    let observations = [i64::MIN, i64::MIN + 1, i64::MAX].map(|at| observation(KEY, at));
    let rows = shown(&features, &events, &observations).await;
    assert_eq!(rows, ["0.0|0.0|0.0", "1.0|1.0|1.0", "2.0|2.0|3.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_integer_sum_that_does_not_fit_is_an_error_and_never_wraps() {
    let mut events = [event(KEY, 0, 0, 1.0), event(KEY, 1, 1, 1.0)];
    events.iter_mut().for_each(|event| event.n = Some(i64::MAX));
    let project = Project::new();
    write(&project, &events, &[observation(KEY, 9)]);
    let group = group(&[feature("sum", "n", None)]);
    let error = run(&project, &wants(&group), &group).await.unwrap_err();
    assert_eq!(error.code(), "E0903");
    assert_eq!(error.message(), "`sum` over a window is 18446744073709551614, which does not fit int64");
    assert!(!project.path("joined.parquet").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_span_many_batches_and_a_batch_many_keys() {
    let keys: Vec<String> = (0..300).map(|key| format!("k{key}")).collect();
    let mut events: Vec<Event> = (0..3_000).map(|at| event(("big", "one"), at, at, 1.0)).collect();
    events.extend(keys.iter().enumerate().map(|(at, key)| event((key, "small"), at as i64, at as i64, 2.0)));
    let mut observations: Vec<Observation> = (0..3_000).rev().map(|at| observation(("big", "one"), at)).collect();
    observations.extend(keys.iter().map(|key| observation((key, "small"), 300)));
    let features = [feature("count", "rows", Some(1_000)), feature("sum", "x", None)];
    for (threads, batch) in [(1, 7), (3, 64), (2, 8192)] {
        let result = joined(&Project::with(threads, batch), &features, &events, &observations).await;
        for (row, observation) in observations.iter().enumerate() {
            let at = observation.at.unwrap();
            let big = row < 3_000;
            let count = if big { at.min(1_000) } else { 1 };
            assert_eq!(value(result.column(0), row), Value::Int(count), "row {row}");
            let sum = if big { at as f64 } else { 2.0 };
            assert_eq!(value(result.column(1), row), Value::Float(sum), "row {row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn derived_features_and_the_order_that_the_model_wants() {
    let project = Project::new();
    write(&project, &[event(KEY, 0, 0, 3.0), event(KEY, 1, 1, 5.0)], &[observation(KEY, 9), observation(("z", ""), 9)]);
    let mut group = group(&[feature("last", "x", None), feature("mean", "x", None), feature("middle", "x", None)]);
    let float = |name: &str| column(name, Type::Float64);
    let subtract = |left, right| binary(BinaryOp::Subtract, left, right, Type::Float64);
    group.derived = vec![
        derived("excess", subtract(float("f0"), float("f1"))),
        derived("twice", binary(BinaryOp::Add, float("excess"), float("excess"), Type::Float64)),
    ];
    // The aggregate that nobody wants is not computed: this runtime does not even have it.
    let mut join = wants(&group);
    join.features = ["twice", "f1", "excess"].map(str::to_owned).to_vec();
    let report = run(&project, &join, &group).await.unwrap();
    assert_eq!(report.columns, ["group.twice", "group.f1", "group.excess"]);
    let table = read_table(&project.path("joined.parquet"));
    assert_eq!(names(&table), report.columns);
    assert_eq!(show(&table), ["2.0|4.0|1.0", "-|-|-"]);
    // What a wanted one is computed from is computed too, though nobody asks for it.
    join.features = vec!["twice".to_owned()];
    run(&project, &join, &group).await.unwrap();
    assert_eq!(show(&read_table(&project.path("joined.parquet"))), ["2.0", "-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_ends_at_the_number_of_observations() {
    let project = Project::with(2, 4);
    let observations: Vec<Observation> = (0..50).map(|at| observation(KEY, at)).collect();
    write(&project, &[event(KEY, 0, 0, 1.0)], &observations);
    let group = group(&[feature("sum", "x", None)]);
    let done = Mutex::new(Vec::new());
    let (left, right) = (project.path("observations.parquet"), project.path("events.parquet"));
    let output = project.path("joined.parquet");
    let progress = |rows: u64| done.lock().unwrap().push(rows);
    project.dataflow.join(&wants(&group), &group, &left, &right, &output, &progress).await.unwrap();
    let done = done.into_inner().unwrap();
    assert!(done.is_sorted() && done.last() == Some(&50), "{done:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_memory_limit_that_is_too_small_is_named() {
    let mut project = Project::new();
    let events: Vec<Event> = (0..2_000).map(|at| event(KEY, at, at, 1.0)).collect();
    write(&project, &events, &[observation(KEY, 9)]);
    let options = Options { memory_limit: Some(1_000), threads: Some(1), ..Options::default() };
    project.dataflow = Dataflow::new(&options).unwrap();
    let group = group(&[feature("sum", "x", None)]);
    let error = run(&project, &wants(&group), &group).await.unwrap_err();
    assert_eq!(error.code(), "E0912", "{error}");
    assert!(error.message().starts_with("the memory limit is too small for this step: "), "{error}");
}

/// Where the rows do not fit, they are divided on disk, more than once if one time is not enough, and one key that has
/// half of all rows is sorted there; nothing else changes.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_spilled() {
    let keys: Vec<String> = (0..300).map(|key| format!("key {}", key * 7)).collect();
    let key = |at: i64| {
        let number = usize::try_from(at * 7919 % 600).unwrap();
        (keys.get(number).map_or("23", String::as_str), "1")
    };
    let events: Vec<Event> = (0..60_000).map(|at| event(key(at), at * 31 % 1_000, at, 1.0)).collect();
    let observations: Vec<Observation> = (0..40_000).map(|at| observation(key(at), at * 17 % 1_100)).collect();
    let features = [feature("sum", "x", Some(100)), feature("last", "n", None), feature("max", "x", Some(7))];
    let mut project = Project::with(2, 1_000);
    let everything = joined(&project, &features, &events, &observations).await;
    for memory in [4 << 20, 6 << 20, 16 << 20] {
        let options = Options { memory_limit: Some(memory), threads: Some(2), explain: true, ..Options::default() };
        project.dataflow = Dataflow::new(&options).unwrap().with_batch_size(1_000);
        let group = group(&features);
        let report = run(&project, &wants(&group), &group).await.unwrap();
        assert_eq!(show(&everything), show(&read_table(&project.path("joined.parquet"))));
        let text = report.explain.unwrap();
        let orders: Vec<&str> = text.lines().filter(|line| line.contains("OrderExec")).collect();
        assert_eq!(orders.len(), 3, "{text}");
        assert!(orders.iter().any(|line| !line.contains("spill_count=0")), "{text}");
    }
}

/// What no window reaches is not decoded: files say in their footers which instants they hold.
#[tokio::test(flavor = "multi_thread")]
async fn files_outside_of_every_window_are_not_read() {
    let mut project = Project::new();
    for (name, from) in [("part-1.parquet", 0), ("part-2.parquet", 100), ("part-3.parquet", 200)] {
        let events: Vec<Event> = (from..from + 10).map(|at| event(KEY, at, at, 1.0)).collect();
        write(&project, &events, &[observation(KEY, 115), observation(KEY, 120)]);
        std::fs::rename(project.path("events.parquet"), project.path(name)).unwrap();
    }
    let connector = call("parquet", [("path", mlsys_plan::Value::String("part-*.parquet".to_owned()))]);
    let column = |name, ty: Type| (name, ty.optional());
    let text = || Type::String;
    let schema = [column("k1", text()), column("k2", text()), column("at", Type::Timestamp)];
    let rest = [column("seq", Type::Int64), column("keep", Type::Bool), column("x", Type::Float64)];
    let parts = source(connector, &[&schema[..], &rest[..]].concat());
    assert!(project.source(&parts).await.unwrap().in_place);
    project.dataflow = Dataflow::new(&Options { explain: true, ..Options::default() }).unwrap();
    let group = group(&[feature("sum", "x", Some(20))]);
    let (left, right) = (project.path("observations.parquet"), project.path("out.parquet"));
    let output = project.path("joined.parquet");
    let report = project.dataflow.join(&wants(&group), &group, &left, &right, &output, &|_| {}).await.unwrap();
    assert_eq!(show(&read_table(&output)), ["10.0", "10.0"]);
    let text = report.explain.unwrap();
    assert!(text.contains("row_groups_pruned_statistics=3 total → 1 matched"), "{text}");
}

/// A report says how its plan ran, if that was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_explains_itself() {
    let mut project = Project::new();
    let events: Vec<Event> = (0..9).map(|at| event(KEY, at, at, 1.0)).collect();
    write(&project, &events, &[observation(KEY, 5), observation(KEY, 7)]);
    let group = group(&[feature("sum", "x", None)]);
    assert_eq!(run(&project, &wants(&group), &group).await.unwrap().explain, None);
    project.dataflow = Dataflow::new(&Options { explain: true, ..Options::default() }).unwrap();
    let text = run(&project, &wants(&group), &group).await.unwrap().explain.unwrap();
    let line = |operator: &str| text.lines().find(|line| line.trim_start().starts_with(operator)).unwrap();
    assert!(line("PointInTimeExec").contains("output_rows=2"), "{text}");
    assert!(line("OrderExec: by=[__position").contains("spill_count=0"), "{text}");
}

/// Rows of several files are numbered through: features come back in the order of all of them.
#[tokio::test(flavor = "multi_thread")]
async fn observations_in_several_files_keep_their_order() {
    let project = Project::with(2, 2);
    let observations: Vec<Observation> = (0..9).map(|at| observation(KEY, 90 - at * 10)).collect();
    let events: Vec<Event> = (0..9).map(|at| event(KEY, at * 10, at, 1.0)).collect();
    let features = [feature("count", "rows", None)];
    let whole = joined(&project, &features, &events, &observations).await;
    assert_eq!(show(&whole), ["9", "8", "7", "6", "5", "4", "3", "2", "1"]);
    for (name, part) in ["part-1.parquet", "part-2.parquet", "part-3.parquet"].iter().zip(observations.chunks(4)) {
        write(&project, &events, part);
        std::fs::rename(project.path("observations.parquet"), project.path(name)).unwrap();
    }
    let connector = call("parquet", [("path", mlsys_plan::Value::String("part-*.parquet".to_owned()))]);
    let (at, key) = (Type::Timestamp.optional(), Type::String.optional());
    let parts = source(connector, &[("__at", at), ("__key.one", key.clone()), ("__key.two", key)]);
    assert!(project.source(&parts).await.unwrap().in_place);
    let group = group(&features);
    let (left, right) = (project.path("out.parquet"), project.path("events.parquet"));
    let output = project.path("joined.parquet");
    project.dataflow.join(&wants(&group), &group, &left, &right, &output, &|_| {}).await.unwrap();
    assert_eq!(show(&read_table(&output)), show(&whole));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_table_that_is_missing_is_named() {
    let project = Project::new();
    let group = group(&[feature("sum", "x", None)]);
    let error = run(&project, &wants(&group), &group).await.unwrap_err();
    assert_eq!(error.code(), "E0911");
    assert!(error.message().starts_with("cannot read the stored table `"), "{error}");
}

/// `f0` is a part of a feature's expression, `now` is the observation's instant, and the group enters under a name.
#[tokio::test(flavor = "multi_thread")]
async fn a_feature_may_read_the_moment_that_is_asked_for() {
    let project = Project::new();
    write(&project, &[event(KEY, 10, 1, 5.0)], &[observation(KEY, 25), observation(KEY, 5)]);
    let mut group = group(&[feature("last", "at", None)]);
    group.aggregates[0].name = "age.1".to_owned();
    let now = mlsys_plan::Expr { kind: mlsys_plan::ExprKind::Now, ty: Type::Timestamp.required() };
    let age = binary(BinaryOp::Subtract, now, column("age.1", Type::Timestamp), Type::Duration);
    group.derived = vec![derived("age", age)];
    let mut join = wants(&group);
    join.features = vec!["age".to_owned()];
    join.alias = Some("payer".to_owned());
    run(&project, &join, &group).await.unwrap();
    let table = read_table(&project.path("joined.parquet"));
    assert_eq!(names(&table), ["payer.age"]);
    assert_eq!(show(&table), ["PT0.000015S", "-"]);
}
