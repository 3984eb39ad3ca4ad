//! Examples: parts, honest replay, what is written and what is only counted.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, StringArray, TimestampMicrosecondArray};
use mlsys_dataflow::ObserveReport;
use mlsys_plan::{BinaryOp, Call, Label, Observe, Part, Split, TimeSplit, Type, Value, columns};

use crate::build::*;

/// A row: its instant, its label, when that was known, whether the filter holds.
type Row = (Option<i64>, Option<bool>, Option<i64>, Option<bool>);

fn observe(split: Split) -> Observe {
    Observe {
        model: "late".to_owned(),
        source: "rides".to_owned(),
        at: column("at", Type::Timestamp),
        time: Some("at".to_owned()),
        every: None,
        filter: Some(column("wanted", Type::Bool)),
        feature_filter: None,
        label: Some(Label {
            name: "late".to_owned(),
            expr: column("late", Type::Bool),
            known_at: column("known", Type::Timestamp),
            looks: Vec::new(),
        }),
        group: None,
        debias: None,
        keys: vec![derived("carrier", column("carrier", Type::String))],
        slices: vec![derived("carrier", column("carrier", Type::String))],
        inputs: vec![derived("n", binary(BinaryOp::Add, column("n", Type::Int64), int(1), Type::Int64))],
        split,
    }
}

async fn run(split: TimeSplit, rows: &[Row]) -> (ObserveReport, Vec<String>, Vec<String>) {
    run_split(Split::Time(split), rows).await
}

async fn run_split(split: Split, rows: &[Row]) -> (ObserveReport, Vec<String>, Vec<String>) {
    let project = Project::with(2, 2);
    let times = |values: Vec<Option<i64>>| Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"));
    let numbers = 0..i64::try_from(rows.len()).unwrap();
    write_table(
        &project.path("rides.parquet"),
        vec![
            ("at", times(rows.iter().map(|row| row.0).collect()) as ArrayRef),
            ("late", Arc::new(rows.iter().map(|row| row.1).collect::<BooleanArray>())),
            ("known", times(rows.iter().map(|row| row.2).collect())),
            ("wanted", Arc::new(rows.iter().map(|row| row.3).collect::<BooleanArray>())),
            ("carrier", Arc::new(StringArray::from(vec!["UA"; rows.len()]))),
            ("n", Arc::new(numbers.collect::<Int64Array>())),
        ],
    );
    let output = project.path("examples.parquet");
    let report =
        project.dataflow.observe(&observe(split), &project.path("rides.parquet"), &[], &output, &|_| {}).await.unwrap();
    let table = read_table(&output);
    let place = |name: &str| table.schema().index_of(name);
    let division = place(columns::FOLD).or(place(columns::PART)).unwrap();
    (report, show(&table.project(&[place("n").unwrap(), division]).unwrap()), names(&table))
}

fn split(from: Option<i64>, validate: Option<i64>, test: i64, until: Option<i64>) -> TimeSplit {
    TimeSplit { from, validate, test, until }
}

const LABEL: Option<bool> = Some(true);
const YES: Option<bool> = Some(true);

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_divided_by_time_and_labels_must_be_known_before_the_end() {
    let rows = [
        (Some(9), LABEL, Some(10), YES),  // before `from`
        (Some(10), LABEL, Some(19), YES), // train
        (Some(10), LABEL, Some(20), YES), // known exactly at the end: left out
        (Some(19), LABEL, None, YES),     // never known: left out
        (Some(20), LABEL, Some(25), YES), // validate
        (Some(20), LABEL, Some(30), YES), // left out
        (Some(30), LABEL, Some(39), YES), // test
        (Some(39), None, Some(39), YES),  // no label: left out
        (Some(40), LABEL, Some(41), YES), // after `until`
        (None, LABEL, Some(1), YES),      // no instant
        (Some(15), LABEL, Some(15), Some(false)),
        (Some(15), LABEL, Some(15), None),
    ];
    let (report, examples, columns) = run(split(Some(10), Some(20), 30, Some(40)), &rows).await;
    assert_eq!(columns, ["__at", "__label", "__label_known_at", "__part", "__key.carrier", "__slice.carrier", "n"]);
    assert_eq!(examples, ["2|train", "3|left_out", "4|left_out", "5|validate", "6|left_out", "7|test", "8|left_out"]);
    let ones = BTreeMap::from([(Part::Train, 1), (Part::Validate, 1), (Part::Test, 1)]);
    let left_out = BTreeMap::from([(Part::Train, 2), (Part::Validate, 1), (Part::Test, 1)]);
    let expected = ObserveReport {
        rows: ones,
        left_out: 4,
        left_out_by_part: left_out,
        outside: 2,
        without_time: 1,
        explain: None,
        parts: None,
    };
    assert_eq!(report, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_validation_training_goes_up_to_the_test() {
    let rows = [
        (Some(-5), LABEL, Some(-4), YES),
        (Some(29), LABEL, Some(30), YES),
        (Some(30), LABEL, Some(1_000), YES),
        (Some(1_000_000), LABEL, None, YES),
    ];
    let (report, examples, _) = run(split(None, None, 30, None), &rows).await;
    assert_eq!(examples, ["1|train", "2|left_out", "3|test", "4|left_out"]);
    assert_eq!(report.rows, BTreeMap::from([(Part::Train, 1), (Part::Test, 1)]));
    assert_eq!((report.left_out, report.outside), (2, 0));
}

/// Which part, or which fold, each example lies in, by its number.
async fn by_chance(split: &str, seed: i64, by: Option<&str>, rows: &[Row]) -> (ObserveReport, BTreeMap<i64, String>) {
    let named = |name: &str, value| (name.to_owned(), value);
    let mut args =
        vec![named("seed", Value::Int(seed)), named("test", Value::Float(0.2)), named("validate", Value::Float(0.1))];
    args.extend(by.map(|by| named("by", Value::String(by.to_owned()))));
    let call = Call { name: split.to_owned(), args: args.into_iter().collect() };
    let (report, examples, _) = run_split(Split::Other(call), rows).await;
    let parts = examples.iter().map(|row| row.split_once('|').unwrap());
    (report, parts.map(|(number, part)| (number.parse().unwrap(), part.to_owned())).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_are_divided_by_chance_alike_in_every_run() {
    let rows: Vec<Row> = (0..4_000).map(|at| (Some(at / 7), LABEL, Some(at), YES)).collect();
    let (report, parts) = by_chance("random", 7, None, &rows).await;
    let share = |part| report.rows[&part] as f64 / 4_000.0;
    assert!((share(Part::Test) - 0.2).abs() < 0.025, "{report:?}");
    assert!((share(Part::Validate) - 0.1).abs() < 0.02, "{report:?}");
    assert!((share(Part::Train) - 0.7).abs() < 0.03, "{report:?}");
    // An example's part does not depend on which others there are, and is another one with another seed.
    let (_, fewer) = by_chance("random", 7, None, &rows[..1_000]).await;
    assert!(fewer.iter().all(|(number, part)| parts[number] == *part));
    let (_, others) = by_chance("random", 8, None, &rows).await;
    assert_ne!(parts, others);
}

#[tokio::test(flavor = "multi_thread")]
async fn examples_of_one_group_are_in_one_part() {
    // Instants repeat: they stand for the groups here.
    let rows: Vec<Row> = (0..4_000).map(|row| (Some(row % 400), LABEL, Some(row), YES)).collect();
    let (report, parts) = by_chance("group", 7, Some("at"), &rows).await;
    assert!(parts.iter().all(|(number, part)| parts[&((number - 1) % 400 + 1)] == *part));
    assert!(report.rows.values().all(|rows| *rows > 0 && rows % 10 == 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_in_one_of_the_folds_alike_in_every_run() {
    let rows: Vec<Row> = (0..4_000).map(|at| (Some(at / 7), LABEL, Some(at), YES)).collect();
    let (report, folds) = by_chance("folds", 7, None, &rows).await;
    assert_eq!(report.rows, BTreeMap::from([(Part::Test, 4_000)]));
    let mut sizes: BTreeMap<&str, usize> = BTreeMap::new();
    folds.values().for_each(|fold| *sizes.entry(fold).or_default() += 1);
    assert_eq!(sizes.keys().copied().collect::<Vec<_>>(), ["0", "1", "2", "3", "4"]);
    assert!(sizes.values().all(|size| (700..900).contains(size)), "{sizes:?}");
    let (_, fewer) = by_chance("folds", 7, None, &rows[..1_000]).await;
    assert!(fewer.iter().all(|(number, fold)| folds[number] == *fold));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_divided_by_chance_needs_a_label_and_an_instant() {
    let rows = [(Some(1), None, Some(2), YES), (Some(1), LABEL, None, YES), (None, LABEL, Some(2), YES)];
    let (report, parts) = by_chance("random", 0, None, &rows).await;
    assert_eq!(parts.into_values().collect::<Vec<String>>(), ["left_out", "left_out"]);
    assert_eq!((report.left_out, report.without_time), (2, 1));
}
