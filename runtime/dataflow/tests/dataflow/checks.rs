//! Defaults of columns, and checks on tables as a whole.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use mlsys_dataflow::{DataError, Dataflow, Options, SourceReport, TableCheckReport};
use mlsys_plan::{Check, Comparison, Literal, OnViolation, Source, TableCheck, Type};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::build::*;

fn with_defaults(connector: mlsys_plan::Call) -> Source {
    let kinds = Type::Enum(vec!["a".to_owned(), "b".to_owned()]);
    let schema = [("n", Type::Int64.required()), ("s", Type::String.optional()), ("kind", kinds.required())];
    let mut source = source(connector, &schema);
    source.schema[0].default = Some(Literal::Int(7));
    source.schema[2].default = Some(Literal::String("b".to_owned()));
    source
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_stands_for_a_missing_value_whatever_the_connector() {
    let project = Project::new();
    project.write("a.csv", "n,s,kind\n1,x,a\nNA,NA,NA\n");
    let expected = ["1|x|a", "7|-|b"];
    assert_eq!(project.rows(&with_defaults(csv("a.csv"))).await, expected);
    let text = |values: [Option<&str>; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let numbers = Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef;
    let columns = vec![("n", numbers), ("s", text([Some("x"), None])), ("kind", text([Some("a"), None]))];
    write_table(&project.path("a.parquet"), columns);
    let parquet = call("parquet", [("path", mlsys_plan::Value::String("a.parquet".to_owned()))]);
    assert_eq!(project.rows(&with_defaults(parquet)).await, expected);
}

async fn check(check: Check, on_violation: OnViolation) -> Result<SourceReport, DataError> {
    let project = Project::new();
    project.write("a.csv", "n,m\n1,5\n2,5\n2,NA\nNA,NA\nNA,6\n");
    let mut source = source(csv("a.csv"), &[("n", Type::Int64.optional()), ("m", Type::Int64.optional())]);
    source.checks = vec![TableCheck { check, on_violation, line: 30 }];
    project.source(&source).await
}

fn unique(columns: &[&str]) -> Check {
    Check::Unique(columns.iter().map(|name| (*name).to_owned()).collect())
}

fn measure(measure: &str, comparison: Comparison, bound: f64) -> Check {
    Check::Measure { measure: measure.to_owned(), column: "n".to_owned(), comparison, bound, over: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_table_does_not_satisfy_is_told() {
    let cases = [
        (unique(&["n"]), false, "unique(n)", "1 row with values that another row has"),
        (unique(&["n", "m"]), true, "unique(n, m)", "0 rows with values that another row has"),
        (Check::Rows(6, i64::MAX), false, "rows >= 6", "it has 5 rows"),
        (Check::Rows(2, 5), true, "rows between 2 and 5", "it has 5 rows"),
        (measure("missing", Comparison::Less, 0.4), false, "missing(n) < 0.4", "it is 0.4000"),
        (measure("missing", Comparison::LessOrEqual, 0.4), true, "missing(n) <= 0.4", "it is 0.4000"),
        (measure("distinct", Comparison::Greater, 0.5), false, "distinct(n) > 0.5", "it is 0.3333"),
    ];
    for (one, holds, text, found) in cases {
        let report = check(one.clone(), OnViolation::Warn).await.unwrap();
        let told = &report.table_checks[0];
        assert_eq!((told.holds, told.text.as_str(), told.found.as_str()), (holds, text, found));
        let failed = check(one, OnViolation::Fail).await;
        assert_eq!(failed.is_ok(), holds, "{text}");
        if let Err(error) = failed {
            assert_eq!((error.code(), error.line()), ("E0904", Some(30)));
            assert_eq!(error.message(), format!("rides does not satisfy `{text}`: {found}"));
        }
    }
}

/// Of rows with the same values the first one that other expectations have kept stays, whatever batch the others are in.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_row_goes() {
    for (threads, batch) in [(1, 8192), (2, 2)] {
        let project = Project::with(threads, batch);
        project.write("a.csv", "n,m\n1,-1\n1,5\n2,5\nNA,5\n1,6\nNA,5\n2,7\n");
        project.write("b.csv", "n,m\n2,8\n3,9\n");
        let mut source = source(csv("?.csv"), &[("n", Type::Int64.optional()), ("m", Type::Int64.optional())]);
        let positive = compare(mlsys_plan::BinaryOp::Less, int(0), column("m", Type::Int64));
        source.expectations = vec![expectation(positive, OnViolation::Drop, 29)];
        source.checks = vec![TableCheck { check: unique(&["n"]), on_violation: OnViolation::Drop, line: 30 }];
        let kept = ["1|5", "2|5", "-|5", "-|5", "3|9"];
        assert_eq!(project.rows(&source).await, kept);
        let report = project.source(&source).await.unwrap();
        let told = |report: &SourceReport| -> Vec<(String, String, u64)> {
            let told = report.checks.iter().map(|one| (one.text.clone(), one.action.clone(), one.violations));
            told.collect()
        };
        let drop = |text: &str, violations| (text.to_owned(), "drop".to_owned(), violations);
        assert_eq!(told(&report), [drop("(0 < m)", 1), drop("unique(n)", 3)]);
        assert!(report.table_checks.is_empty());
        assert_eq!((report.rows_read, report.rows_written, report.quarantined), (9, 5, 0));
        source.checks[0].on_violation = OnViolation::Quarantine;
        assert_eq!(project.rows(&source).await, kept);
        let report = project.source(&source).await.unwrap();
        assert_eq!((report.rows_written, report.quarantined), (5, 3));
        let aside = show(&read_table(&project.path("quarantine.parquet")));
        assert_eq!(aside, ["1|6|unique(n)|a.csv|5", "2|7|unique(n)|a.csv|7", "2|8|unique(n)|b.csv|1"]);
    }
}

/// Which of two rows is the repeated one could depend on rows that come later.
#[test]
fn rows_with_a_key_are_not_left_out_for_other_columns() {
    let mut source = source(csv("a.csv"), &[("n", Type::Int64.required()), ("m", Type::Int64.required())]);
    source.checks = vec![TableCheck { check: unique(&["m"]), on_violation: OnViolation::Drop, line: 30 }];
    assert!(refusals(&source).is_empty());
    source.key = vec!["n".to_owned()];
    let found = refusals(&source);
    assert_eq!((found.len(), found[0].code(), found[0].line()), (1, "E0910", Some(30)));
    assert!(found[0].message().contains("`unique(…) else drop` beside a `key`"), "{}", found[0].message());
}

fn refusals(source: &Source) -> Vec<DataError> {
    let origin = mlsys_plan::Origin { file: "program.mlsys".to_owned(), line: 1, name: "source rides".to_owned() };
    let id = mlsys_plan::NodeId::new("source", &source.name);
    let operation = mlsys_plan::Operation::Source(source.clone());
    let node = mlsys_plan::Node { id, operation, inputs: Vec::new(), origin };
    let plan = mlsys_plan::Plan { version: mlsys_plan::VERSION, program: "program".to_owned(), nodes: vec![node] };
    mlsys_dataflow::supports(&plan).err().unwrap_or_default()
}

const HOUR: i64 = 3_600_000_000;

/// Readings with a time; the third window of an hour is empty, and the first row is from before 1970.
const READINGS: &str = "t,n\n1969-12-31T23:59:59Z,NA\n1970-01-01T00:00:00Z,1\n1970-01-01T00:30:00Z,1\n\
                        1970-01-01T00:59:59Z,2\n1970-01-01T01:00:00Z,NA\n1970-01-01T01:10:00Z,3\n1970-01-01T03:00:00Z,4\n";

fn timed(connector: mlsys_plan::Call, check: Check, on_violation: OnViolation) -> Source {
    let mut source = source(connector, &[("t", Type::Timestamp.required()), ("n", Type::Int64.optional())]);
    source.time = Some("t".to_owned());
    source.checks = vec![TableCheck { check, on_violation, line: 30 }];
    source
}

fn over(name: &str, comparison: Comparison, bound: f64, over: i64) -> Check {
    Check::Measure { measure: name.to_owned(), column: "n".to_owned(), comparison, bound, over: Some(over) }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_window_of_a_table_is_measured() {
    let less = |bound, length| over("missing", Comparison::Less, bound, length);
    let cases = [
        (
            less(0.5, HOUR),
            "missing(n) < 0.5 over 1h",
            Some("2 of 4 windows are outside the bound; the worst begins at @1969-12-31T23:00:00Z, where it is 1.0000"),
        ),
        (over("missing", Comparison::LessOrEqual, 1.0, HOUR), "missing(n) <= 1 over 1h", None),
        // The day before 1970 is a window of its own.
        (
            less(0.5, 24 * HOUR),
            "missing(n) < 0.5 over 1d",
            Some("1 of 2 windows is outside the bound; the worst begins at @1969-12-31, where it is 1.0000"),
        ),
        // A window in which the column is missing throughout has no values that could occur once.
        (
            over("distinct", Comparison::Greater, 0.5, HOUR),
            "distinct(n) > 0.5 over 1h",
            Some("1 of 3 windows is outside the bound; the worst begins at @1970-01-01, where it is 0.3333"),
        ),
        (over("distinct", Comparison::GreaterOrEqual, 0.3, HOUR), "distinct(n) >= 0.3 over 1h", None),
    ];
    for (one, text, found) in cases {
        let project = Project::new();
        project.write("a.csv", READINGS);
        let report = project.source(&timed(csv("a.csv"), one.clone(), OnViolation::Warn)).await.unwrap();
        let told = &report.table_checks[0];
        assert_eq!((told.text.as_str(), told.holds), (text, found.is_none()));
        let failed = project.source(&timed(csv("a.csv"), one, OnViolation::Fail)).await;
        match found {
            None => assert!(failed.is_ok() && told.found.starts_with("the worst of "), "{}", told.found),
            Some(found) => {
                assert_eq!(told.found, found);
                assert_eq!(failed.unwrap_err().message(), format!("rides does not satisfy `{text}`: {found}"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_of_an_empty_table_have_nothing_to_measure() {
    let project = Project::new();
    project.write("a.csv", "t,n\n");
    for name in ["missing", "distinct"] {
        let check = over(name, Comparison::Less, 0.1, HOUR);
        let report = project.source(&timed(csv("a.csv"), check, OnViolation::Fail)).await.unwrap();
        assert_eq!(report.table_checks[0].found, "there is nothing to measure");
    }
}

/// Reads a source, and asks for its age at a moment.
async fn age(project: &Project, source: &Source, now: i64) -> Result<Vec<TableCheckReport>, DataError> {
    let report = project.source(source).await.unwrap();
    assert!(report.table_checks.is_empty(), "age is not judged when the table is made");
    let later = Dataflow::new(&Options { threads: Some(1), now: Some(now), ..Options::default() }).unwrap();
    later.fresh(source, &project.path("out.parquet")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_the_latest_row_depends_on_the_moment_of_the_run() {
    let project = Project::new();
    project.write("a.csv", READINGS);
    let fresh = |on_violation| timed(csv("a.csv"), Check::Fresh(24 * HOUR), on_violation);
    let young = age(&project, &fresh(OnViolation::Fail), 27 * HOUR).await.unwrap();
    assert_eq!((young[0].holds, young[0].found.as_str()), (true, "its latest row is 1d old"));
    let old = age(&project, &fresh(OnViolation::Warn), 54 * HOUR).await.unwrap();
    assert_eq!((old[0].holds, old[0].found.as_str(), old[0].line), (false, "its latest row is 2d 3h old", 30));
    let error = age(&project, &fresh(OnViolation::Fail), 54 * HOUR).await.unwrap_err();
    assert_eq!((error.code(), error.line()), ("E0904", Some(30)));
    assert_eq!(error.message(), "rides does not satisfy `fresh within 1d`: its latest row is 2d 3h old");
    project.write("a.csv", "t,n\n");
    let empty = age(&project, &fresh(OnViolation::Warn), 0).await.unwrap();
    assert_eq!((empty[0].holds, empty[0].found.as_str()), (false, "it has no rows"));
}

/// A table of the user's own, whose footers say nothing about its times, is asked itself.
#[tokio::test(flavor = "multi_thread")]
async fn age_is_found_without_statistics() {
    let project = Project::new();
    let times = TimestampMicrosecondArray::from(vec![Some(HOUR), Some(5 * HOUR)]).with_timezone("UTC");
    let columns = [("t", Arc::new(times) as ArrayRef), ("n", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let silent = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    let file = std::fs::File::create(project.path("a.parquet")).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(silent)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let parquet = call("parquet", [("path", mlsys_plan::Value::String("a.parquet".to_owned()))]);
    let found = age(&project, &timed(parquet, Check::Fresh(HOUR), OnViolation::Warn), 8 * HOUR).await.unwrap();
    assert_eq!((found[0].holds, found[0].found.as_str()), (false, "its latest row is 3h old"));
}
