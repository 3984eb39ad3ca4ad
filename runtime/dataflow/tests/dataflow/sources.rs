//! Reading sources: types, nulls, order, checks, keys, quarantine, and every way to fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{
    ArrayRef, DictionaryArray, Float32Array, Int16Array, Int64Array, StringArray, StringViewArray,
    TimestampMicrosecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use arrow::datatypes::Int32Type;
use mlsys_dataflow::{DataError, source_files};
use mlsys_plan::{BinaryOp, Derived, KnownAt, OnViolation, Source, Type, Value};

use crate::build::*;

async fn failure(project: &Project, source: &Source) -> DataError {
    let error = project.source(source).await.unwrap_err();
    let left: Vec<String> =
        project.files().into_iter().filter(|name| name.contains("out") || name.contains("tmp")).collect();
    assert!(left.is_empty(), "a failed run leaves nothing behind: {left:?}");
    error
}

fn is_error(error: &DataError, code: &str, message: &str, line: Option<u32>) {
    assert_eq!((error.code(), error.message(), error.line()), (code, message, line));
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_columns_are_found_by_name_and_typed() {
    let project = Project::new();
    project.write(
        "data/rides.csv",
        "\u{feff}extra,fare,city,at,ok,day,n,wait\n\
         x,1.5,\"Oslo, N\",2013-01-01T10:00:00Z,true,2013-01-01,1,15m\n\
         x,NA,NA,1969-12-31 23:59:59.5,FALSE,1969-12-31, -2 ,1.5h\n\
         x,,,2013-01-01T12:00:00+02:00,,,,\n",
    );
    let schema = [
        ("at", Type::Timestamp.required()),
        ("city", Type::String.optional()),
        ("fare", Type::Float64.optional()),
        ("n", Type::Int32.optional()),
        ("ok", Type::Bool.optional()),
        ("day", Type::Date.optional()),
        ("wait", Type::Duration.optional()),
    ];
    let rows = project.rows(&source(csv("data/rides.csv"), &schema)).await;
    assert_eq!(
        rows,
        [
            "2013-01-01T10:00:00Z|Oslo, N|1.5|1|true|2013-01-01|PT900S",
            "1969-12-31T23:59:59.500Z|-|-|-2|false|1969-12-31|PT5400S",
            "2013-01-01T10:00:00Z||-|-|-|-|-",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_text_is_missing_only_if_the_null_text_is_empty() {
    let project = Project::new();
    project.write("a.csv", "a;b\n;\nNA;1\n");
    let schema = [("a", Type::String.optional()), ("b", Type::Int64.optional())];
    let connector = |null: Value| {
        call("csv", [("path", Value::String("a.csv".into())), ("null", null), ("delimiter", Value::String(";".into()))])
    };
    let rows = project.rows(&source(connector(Value::String(String::new())), &schema)).await;
    assert_eq!(rows, ["-|-", "NA|1"]);
    let rows = project.rows(&source(connector(Value::Null), &schema)).await;
    assert_eq!(rows, ["|-", "NA|1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_without_a_header_takes_columns_in_declared_order() {
    let project = Project::new();
    project.write("a.csv", "1,x\n2,y\n");
    let connector = |schema: &[_]| {
        let args = [("path", Value::String("a.csv".into())), ("header", Value::Bool(false))];
        source(call("csv", args), schema)
    };
    let schema = [("n", Type::Int64.required()), ("t", Type::String.required()), ("more", Type::Bool.optional())];
    assert_eq!(project.rows(&connector(&schema[..2])).await, ["1|x", "2|y"]);
    let project = Project::new();
    project.write("a.csv", "1,x\n2,y\n");
    let error = failure(&project, &connector(&schema)).await;
    is_error(&error, "E0902", "`a.csv` has 2 columns, but `more` is number 3", Some(12));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_pattern_are_read_in_sorted_order_and_rows_stay_in_order() {
    for (threads, batch) in [(1, 8192), (4, 3), (4, 1000)] {
        let project = Project::with(threads, batch);
        let mut expected = Vec::new();
        for file in ["b/2.csv", "a/10.csv", "b/1.csv"] {
            let rows: Vec<String> = (0..20_000).map(|row| format!("{file}:{row}")).collect();
            project.write(&format!("data/{file}"), &format!("id\n{}\n", rows.join("\n")));
            expected.push((file, rows));
        }
        project.write("data/b/readme.txt", "not data");
        expected.sort();
        let source = source(csv("data/**/*.csv"), &[("id", Type::String.required())]);
        let done = AtomicU64::new(0);
        let (output, quarantine) = (project.path("out.parquet"), project.path("quarantine.parquet"));
        let progress = |rows: u64| done.store(rows, Ordering::Relaxed);
        let report = project
            .dataflow
            .source(&source, project.folder.path(), &output, &quarantine, &progress)
            .await
            .unwrap()
            .report;
        assert_eq!(report.files, ["data/a/10.csv", "data/b/1.csv", "data/b/2.csv"]);
        assert_eq!((report.rows_read, report.rows_written, done.into_inner()), (60_000, 60_000, 60_000));
        let rows: Vec<String> = expected.into_iter().flat_map(|(_, rows)| rows).collect();
        assert_eq!(show(&read_table(&output)), rows);
        let files = source_files(&source, project.folder.path()).unwrap();
        assert_eq!(files[0], project.path("data/a/10.csv"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parquet_columns_widen_to_the_declared_types() {
    let project = Project::new();
    let nanos = TimestampNanosecondArray::from(vec![Some(1_500), Some(-1), None]);
    let seconds = TimestampSecondArray::from(vec![1, -1, 0]).with_timezone("America/New_York");
    let words: DictionaryArray<Int32Type> = vec!["a", "b", "a"].into_iter().collect();
    write_table(
        &project.path("a.parquet"),
        vec![
            ("wide", Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef),
            ("small", Arc::new(Int16Array::from(vec![Some(1), None, Some(-3)]))),
            ("nanos", Arc::new(nanos)),
            ("seconds", Arc::new(seconds)),
            ("words", Arc::new(words)),
            ("view", Arc::new(StringViewArray::from(vec!["x", "y", "z"]))),
            ("single", Arc::new(Float32Array::from(vec![0.5, 1.5, 2.5]))),
        ],
    );
    let schema = [
        ("view", Type::String.required()),
        ("words", Type::Enum(vec!["a".into(), "b".into()]).required()),
        ("small", Type::Int64.optional()),
        ("wide", Type::Float64.required()),
        ("single", Type::Float64.required()),
        ("nanos", Type::Timestamp.optional()),
        ("seconds", Type::Timestamp.required()),
    ];
    let connector = call("parquet", [("path", Value::String("*.parquet".into()))]);
    let rows = project.rows(&source(connector, &schema)).await;
    assert_eq!(
        rows,
        [
            "x|a|1|1.0|0.5|1970-01-01T00:00:00.000001Z|1970-01-01T00:00:01Z",
            "y|b|-|2.0|1.5|1969-12-31T23:59:59.999999Z|1969-12-31T23:59:59Z",
            "z|a|-3|3.0|2.5|-|1970-01-01T00:00:00Z",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parquet_column_of_another_type_is_refused() {
    let project = Project::new();
    let parquet =
        |ty: Type| source(call("parquet", [("path", Value::String("a.parquet".into()))]), &[("n", ty.optional())]);
    write_table(&project.path("a.parquet"), vec![("n", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef)]);
    let error = failure(&project, &parquet(Type::Int32)).await;
    is_error(&error, "E0903", "column `n` of `a.parquet` holds `int64`, but it is declared `int32?`", Some(10));
    let mut required = parquet(Type::Int64);
    required.schema[0].ty.nullable = false;
    let error = failure(&project, &required).await;
    is_error(
        &error,
        "E0905",
        "row 2 of `a.parquet` has no value in column `n`, which is declared `int64` without `?`",
        Some(10),
    );
    let far = TimestampSecondArray::from(vec![0, i64::MAX]);
    write_table(&project.path("a.parquet"), vec![("n", Arc::new(far) as ArrayRef)]);
    let error = failure(&project, &parquet(Type::Timestamp)).await;
    let message = "row 2 of `a.parquet` has a value in column `n` that is outside the range of `timestamp`";
    is_error(&error, "E0903", message, Some(10));
    let words = StringArray::from(vec!["a", "c"]);
    write_table(&project.path("a.parquet"), vec![("n", Arc::new(words) as ArrayRef)]);
    let error = failure(&project, &parquet(Type::Enum(vec!["a".into(), "b".into()]))).await;
    is_error(
        &error,
        "E0903",
        "row 2 of `a.parquet` has \"c\" in column `n`, which is declared `enum(\"a\", \"b\")?`",
        Some(10),
    );
    project.write("a.parquet", "not parquet");
    let error = failure(&project, &parquet(Type::Int64)).await;
    assert_eq!(error.code(), "E0901");
    assert!(error.message().starts_with("`a.parquet` cannot be read as Parquet: "), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_is_named() {
    let project = Project::new();
    let rides = |path: &str| source(csv(path), &[("n", Type::Int64.required())]);
    let error = failure(&project, &rides("data/rides.csv")).await;
    is_error(&error, "E0901", "there is no file `data/rides.csv`", None);
    assert_eq!(error.help(), Some("paths are relative to the project's folder"));
    let error = failure(&project, &rides("data/*.csv")).await;
    is_error(&error, "E0901", "no file matches `data/*.csv`", None);
    std::fs::create_dir(project.path("data")).unwrap();
    let error = failure(&project, &rides("data")).await;
    is_error(&error, "E0901", "`data` is a folder, not a file", None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_is_named_with_the_one_that_was_meant() {
    let project = Project::new();
    project.write("a.csv", "carrier,origin\nUA,EWR\n");
    let error = failure(&project, &source(csv("a.csv"), &[("carier", Type::String.required())])).await;
    is_error(&error, "E0902", "`a.csv` has no column `carier`", Some(10));
    assert_eq!(error.help(), Some("did you mean `carrier`? Its columns are `carrier`, `origin`"));
    project.write("a.csv", "n,n\n1,2\n");
    let error = failure(&project, &source(csv("a.csv"), &[("n", Type::Int64.required())])).await;
    is_error(&error, "E0902", "`a.csv` has two columns `n`, so it is not clear which is meant", Some(10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_named_with_its_row() {
    let project = Project::new();
    let rows: Vec<String> = (0..10_000).map(|row| format!("{row},2013-01-01")).collect();
    let with = |row: &str| format!("n,at\n{}\n{row}\n", rows.join("\n"));
    let schema = [("n", Type::Int32.required()), ("at", Type::Timestamp.required())];
    let cases = [
        ("abc,2013-01-01", "E0903", "row 10001 of `a.csv` has \"abc\" in column `n`, which is declared `int32`"),
        (
            "3000000000,2013-01-01",
            "E0903",
            "row 10001 of `a.csv` has \"3000000000\" in column `n`, which is declared `int32`",
        ),
        ("1.0,2013-01-01", "E0903", "row 10001 of `a.csv` has \"1.0\" in column `n`, which is declared `int32`"),
        (
            "NA,2013-01-01",
            "E0905",
            "row 10001 of `a.csv` has no value in column `n`, which is declared `int32` without `?`",
        ),
    ];
    for (row, code, message) in cases {
        project.write("a.csv", &with(row));
        is_error(&failure(&project, &source(csv("a.csv"), &schema)).await, code, message, Some(10));
    }
    for at in ["1356998400", "yesterday", "2013-13-01"] {
        project.write("a.csv", &with(&format!("1,{at}")));
        let message = format!("row 10001 of `a.csv` has {at:?} in column `at`, which is declared `timestamp`");
        is_error(&failure(&project, &source(csv("a.csv"), &schema)).await, "E0903", &message, Some(11));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ragged_row_makes_a_file_unreadable() {
    let project = Project::new();
    project.write("a.csv", "n,m\n1,2\n3\n");
    let error = failure(&project, &source(csv("a.csv"), &[("n", Type::Int64.required())])).await;
    assert_eq!(error.code(), "E0901");
    assert!(error.message().starts_with("`a.csv` cannot be read as CSV: incorrect number of fields"), "{error}");
}

/// `n: int64?, at: timestamp?, known: timestamp?`, with the given lines.
fn checked(project: &Project, lines: &[&str]) -> Source {
    project.write("a.csv", &format!("n,at,known\n{}\n", lines.join("\n")));
    let schema =
        [("n", Type::Int64.optional()), ("at", Type::Timestamp.optional()), ("known", Type::Timestamp.optional())];
    let mut source = source(csv("a.csv"), &schema);
    source.time = Some("at".to_owned());
    source
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_without_a_time_stops_the_run() {
    let project = Project::new();
    let mut source = checked(&project, &["1,2013-01-01,NA", "2,NA,NA", "3,,NA"]);
    source.key = vec!["n".to_owned()];
    let error = failure(&project, &source).await;
    let message = "2 rows without a time: `at` is missing or out of range; the first is row 2 of `a.csv` (n = 2)";
    is_error(&error, "E0907", message, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_known_too_early_stops_the_run() {
    let project = Project::new();
    let mut source = checked(&project, &["1,2013-01-02,2013-01-02", "2,2013-01-02,NA", "3,2013-01-02,2013-01-01"]);
    source.known_at = vec![KnownAt { column: "n".to_owned(), at: column("known", Type::Timestamp) }];
    let error = failure(&project, &source).await;
    let message = "1 row says that `n` was known before the row's own time: `known` is before `at`; it is row 3 of `a.csv` \
                   (known = 2013-01-01T00:00:00Z, at = 2013-01-02T00:00:00Z)";
    is_error(&error, "E0906", message, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn expectations_warn_drop_quarantine_and_fail_in_order() {
    let project = Project::new();
    let lines = ["1,2013-01-01,NA", "2,2013-01-01,NA", "30,2013-01-01,NA", "400,2013-01-01,NA", "NA,2013-01-01,NA"];
    let mut source = checked(&project, &lines);
    let below = |limit: i64| compare(BinaryOp::Less, column("n", Type::Int64), int(limit));
    let not_one = compare(BinaryOp::NotEqual, column("n", Type::Int64), int(1));
    source.expectations = vec![
        expectation(not_one, OnViolation::Warn, 20),
        expectation(below(300), OnViolation::Drop, 21),
        expectation(below(20), OnViolation::Quarantine, 22),
        expectation(below(25), OnViolation::Fail, 23),
    ];
    let report = project.source(&source).await.unwrap();
    let violations: Vec<(u32, &str, &str, u64)> = report
        .checks
        .iter()
        .map(|check| (check.line, check.text.as_str(), check.action.as_str(), check.violations))
        .collect();
    assert_eq!(
        violations,
        [
            (20, "(n != 1)", "warn", 1),
            (21, "(n < 300)", "drop", 1),
            (22, "(n < 20)", "quarantine", 1),
            (23, "(n < 25)", "fail", 0)
        ]
    );
    assert_eq!((report.rows_read, report.rows_written, report.quarantined), (5, 3, 1));
    let kept: Vec<String> = show(&read_table(&project.path("out.parquet")));
    assert_eq!(kept, ["1|2013-01-01T00:00:00Z|-", "2|2013-01-01T00:00:00Z|-", "-|2013-01-01T00:00:00Z|-"]);
    let quarantine = read_table(&project.path("quarantine.parquet"));
    assert_eq!(names(&quarantine), ["n", "at", "known", "__reason", "__file", "__row"]);
    assert_eq!(show(&quarantine), ["30|2013-01-01T00:00:00Z|-|(n < 20)|a.csv|3"]);

    // A later run without quarantined rows leaves no old quarantine.
    source.expectations.truncate(2);
    project.source(&source).await.unwrap();
    assert!(!project.path("quarantine.parquet").exists());

    std::fs::remove_file(project.path("out.parquet")).unwrap();
    source.expectations = vec![expectation(below(20), OnViolation::Fail, 24)];
    let error = failure(&project, &source).await;
    let message = "2 rows of rides do not satisfy `(n < 20)`; the first is row 3 of `a.csv` (n = 30)";
    is_error(&error, "E0904", message, Some(24));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_of_equal_keys_stays_at_its_own_place() {
    for batch in [1, 2, 8192] {
        let project = Project::with(2, batch);
        project.write("1.csv", "a,b,v\n1,23,first\n12,3,other\n1,23,second\n");
        project.write("2.csv", "a,b,v\n,9,null key\nx,y,last\n1,23,third\n,9,null key again\n");
        let schema = [("a", Type::String.optional()), ("b", Type::String.required()), ("v", Type::String.required())];
        let connector = call("csv", [("path", Value::String("?.csv".into())), ("null", Value::String(String::new()))]);
        let mut source = source(connector, &schema);
        source.key = vec!["a".to_owned(), "b".to_owned()];
        let report = project.source(&source).await.unwrap();
        assert_eq!((report.rows_read, report.rows_written, report.duplicates), (7, 5, 2));
        let rows = show(&read_table(&project.path("out.parquet")));
        assert_eq!(rows, ["12|3|other", "-|9|null key", "x|y|last", "1|23|third", "-|9|null key again"]);
        assert_eq!(project.files(), ["1.csv", "2.csv", "out.parquet"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_found_across_many_batches() {
    let project = Project::new();
    let lines: Vec<String> = (0..50_000).map(|row| format!("{},{row}", row % 30_000)).collect();
    project.write("a.csv", &format!("id,row\n{}\n", lines.join("\n")));
    let mut source = source(csv("a.csv"), &[("id", Type::Int64.required()), ("row", Type::Int64.required())]);
    source.key = vec!["id".to_owned()];
    let report = project.source(&source).await.unwrap();
    assert_eq!((report.rows_written, report.duplicates), (30_000, 20_000));
    let expected: Vec<String> = (20_000..50_000).map(|row| format!("{}|{row}", row % 30_000)).collect();
    assert_eq!(show(&read_table(&project.path("out.parquet"))), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_are_derived_from_columns_before_them() {
    let project = Project::new();
    project.write("a.csv", "Time.Hour,minute\n2013-01-01T10:00:00Z,30\n2013-01-01T11:00:00Z,NA\n");
    let schema = [("Time.Hour", Type::Timestamp.required()), ("minute", Type::Int64.optional())];
    let mut source = source(csv("a.csv"), &schema);
    let shift = binary(BinaryOp::Multiply, duration(60_000_000), column("minute", Type::Int64), Type::Duration);
    let at = binary(BinaryOp::Add, column("Time.Hour", Type::Timestamp), shift, Type::Timestamp);
    let hour = function("hour_of_day", vec![column("at", Type::Timestamp)], Type::Int32);
    source.derived = vec![
        derived("at", at),
        derived("hour", hour),
        Derived {
            name: "double".into(),
            expr: binary(BinaryOp::Add, column("hour", Type::Int32), column("hour", Type::Int32), Type::Int32),
        },
    ];
    let rows = project.rows(&source).await;
    assert_eq!(rows, ["2013-01-01T10:00:00Z|30|2013-01-01T10:30:00Z|10|20", "2013-01-01T11:00:00Z|-|-|-|-"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_rows_gives_an_empty_table() {
    let project = Project::new();
    project.write("a.csv", "n,at,known\n");
    let source = checked(&project, &[]);
    let report = project.source(&source).await.unwrap();
    assert_eq!((report.rows_read, report.rows_written), (0, 0));
    assert_eq!(names(&read_table(&project.path("out.parquet"))), ["n", "at", "known"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_that_cannot_be_written_is_named() {
    let project = Project::new();
    let source = checked(&project, &["1,2013-01-01,NA"]);
    let blocked = project.path("a.csv").join("out.parquet");
    let result =
        project.dataflow.source(&source, project.folder.path(), &blocked, &project.path("q.parquet"), &|_| {}).await;
    let error = result.unwrap_err();
    assert_eq!(error.code(), "E0911");
    assert!(error.message().starts_with("cannot write the table `"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_objects_are_rows() {
    let project = Project::new();
    let lines = [
        r#"{"n": 1, "at": "2013-01-01T10:00:00Z", "s": "x", "tags": ["a", "b"], "extra": {"deep": 1}}"#,
        r#"{"at": "1969-12-31 23:59:59.5", "n": null, "f": 2}"#,
    ];
    project.write("a.json", &(lines.join("\n") + "\n"));
    let schema = [
        ("n", Type::Int64.optional()),
        ("at", Type::Timestamp.required()),
        ("s", Type::String.optional()),
        ("f", Type::Float64.optional()),
        ("tags", Type::List(Box::new(Type::String)).optional()),
    ];
    let json = |path: &str| call("json", [("path", Value::String(path.to_owned()))]);
    let rows = project.rows(&source(json("a.json"), &schema)).await;
    assert_eq!(rows, ["1|2013-01-01T10:00:00Z|x|-|[a, b]", "-|1969-12-31T23:59:59.500Z|-|2.0|-"]);
    let project = Project::new();
    project.write("a.json", "{\"n\": \"one\"}\n");
    let error = failure(&project, &source(json("a.json"), &[("n", Type::Int64.optional())])).await;
    assert_eq!((error.code(), error.line()), ("E0903", Some(10)), "{error}");
    let error = failure(&project, &source(json("a.json"), &[("m", Type::Int64.optional())])).await;
    is_error(&error, "E0902", "`a.json` has no column `m`", Some(10));
    project.write("a.json", "{\"n\": 1\n");
    assert_eq!(failure(&project, &source(json("a.json"), &[("n", Type::Int64.optional())])).await.code(), "E0901");
}

#[tokio::test(flavor = "multi_thread")]
async fn arrow_files_are_read_by_name() {
    let project = Project::new();
    let batch = arrow::array::RecordBatch::try_from_iter([
        ("s", Arc::new(StringArray::from(vec![Some("x"), None])) as ArrayRef),
        ("n", Arc::new(Int16Array::from(vec![1, 2])) as ArrayRef),
    ])
    .unwrap();
    let file = std::fs::File::create(project.path("a.arrow")).unwrap();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let connector = call("arrow", [("path", Value::String("a.arrow".to_owned()))]);
    let schema = [("n", Type::Int64.required()), ("s", Type::String.optional())];
    assert_eq!(project.rows(&source(connector.clone(), &schema)).await, ["1|x", "2|-"]);
    let error = project.source(&source(connector, &[("s", Type::Int64.optional())])).await.unwrap_err();
    assert_eq!(error.code(), "E0903", "{error}");
}

/// Two files of which every row stays: they are read where they are, and their rows are numbered through.
#[tokio::test(flavor = "multi_thread")]
async fn parquet_files_that_need_no_change_are_read_in_place() {
    let project = Project::new();
    let numbers = |values: Vec<i64>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let instants =
        |values: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")) as ArrayRef;
    let table = |name: &str, n: Vec<i64>, at: Vec<i64>| {
        write_table(&project.path(name), vec![("n", numbers(n)), ("at", instants(at))]);
    };
    table("a1.parquet", vec![1, 2], vec![10, 20]);
    table("a2.parquet", vec![3], vec![30]);
    let connector = call("parquet", [("path", Value::String("a*.parquet".to_owned()))]);
    let schema = [("n", Type::Int64.required()), ("at", Type::Timestamp.required())];
    let mut source = source(connector, &schema);
    source.time = Some("at".to_owned());
    let report = project.source(&source).await.unwrap();
    assert_eq!((report.in_place, report.rows_read, report.rows_written), (true, 3, 3));
    assert_eq!(project.files(), ["a1.parquet", "a2.parquet", "out.json"]);
    let is_there = |folder: &std::path::Path| {
        mlsys_dataflow::is_there(&source, folder, &project.path("out.parquet"), &project.path(".mlsys"))
    };
    assert!(is_there(project.folder.path()));
    let copy = tempfile::tempdir().unwrap();
    for name in ["a1.parquet", "a2.parquet"] {
        std::fs::copy(project.path(name), copy.path().join(name)).unwrap();
    }
    assert!(!is_there(copy.path()), "the list names the files of another project");

    // A key that repeats itself, and nothing is in place any more.
    source.key = vec!["n".to_owned()];
    assert!(project.source(&source).await.unwrap().in_place);
    table("a2.parquet", vec![1], vec![30]);
    let report = project.source(&source).await.unwrap();
    assert_eq!((report.in_place, report.rows_read, report.rows_written, report.replaced), (false, 3, 3, 1));
    assert_eq!(
        show(&read_table(&project.path("out.parquet"))),
        [
            "1|1970-01-01T00:00:00.000010Z|1970-01-01T00:00:00.000030Z",
            "2|1970-01-01T00:00:00.000020Z|-",
            "1|1970-01-01T00:00:00.000030Z|-"
        ]
    );
}

/// In parts, too, a file that has to be looked through is read where it is; nothing else has made the folder of parts.
#[tokio::test(flavor = "multi_thread")]
async fn parquet_files_in_parts_are_read_in_place() {
    let project = Project::new();
    write_table(&project.path("a.parquet"), vec![("n", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef)]);
    let connector = call("parquet", [("path", Value::String("a.parquet".to_owned()))]);
    let mut source = source(connector, &[("n", Type::Int64.required())]);
    source.key = vec!["n".to_owned()];
    let (root, folder) = (project.path("state"), project.path("state/parts/source"));
    let parts = mlsys_dataflow::Parts { folder: &folder, root: &root, definition: "v1", elsewhere: None };
    let (table, aside) = (project.path("out.parquet"), project.path("aside.parquet"));
    let (within, digests) = (project.folder.path(), ["digest".to_owned()]);
    let read = project.dataflow.source_in_parts(&source, within, &table, parts, &digests, &aside, &|_| {});
    let report = read.await.unwrap().report;
    assert_eq!((report.in_place, report.rows_written, report.parts.unwrap().made), (true, 2, 1));
    assert_eq!(mlsys_dataflow::files_of(&table).unwrap(), [[project.path("a.parquet").canonicalize().unwrap()]]);
}

/// A row that is in the way is found although the files might have stayed where they are.
#[tokio::test(flavor = "multi_thread")]
async fn parquet_files_with_a_row_that_goes_are_copied_without_it() {
    let project = Project::new();
    write_table(&project.path("a.parquet"), vec![("n", Arc::new(Int64Array::from(vec![1, -2, 3])) as ArrayRef)]);
    let connector = call("parquet", [("path", Value::String("a.parquet".to_owned()))]);
    let mut source = source(connector, &[("n", Type::Int64.required())]);
    let positive = compare(BinaryOp::Less, int(0), column("n", Type::Int64));
    source.expectations = vec![expectation(positive, OnViolation::Quarantine, 3)];
    let report = project.source(&source).await.unwrap();
    assert_eq!((report.in_place, report.rows_written, report.quarantined), (false, 2, 1));
    assert_eq!(show(&read_table(&project.path("out.parquet"))), ["1", "3"]);
}
