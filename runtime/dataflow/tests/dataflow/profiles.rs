//! Profiles of sources: of the rows that stay, in the pass that reads them, afterwards, and from footers.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int64Type};
use mlsys_dataflow::{ColumnReport, Profile, ProfileFrom, ProfileReport, ReadSource};
use mlsys_plan::{BinaryOp, OnViolation, Source, Type, Value};
use serde_json::json;

use crate::build::*;

async fn read(project: &Project, source: &Source) -> ReadSource {
    let (output, quarantine) = (project.path("out.parquet"), project.path("quarantine.parquet"));
    project.dataflow.source(source, project.folder.path(), &output, &quarantine, &|_| {}).await.unwrap()
}

fn column<'a>(report: &'a ProfileReport, name: &str) -> &'a ColumnReport {
    report.columns.iter().find(|column| column.name == name).unwrap()
}

fn top(report: &ProfileReport) -> Vec<(&str, u64)> {
    column(report, "shop").top.iter().map(|top| (top.value.as_str(), top.count)).collect()
}

/// Rows that are dropped, set aside or replaced are in no profile.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_of_the_rows_that_stay() {
    let project = Project::new();
    project.write("a.csv", "id,shop,n\n1,a,10\n2,b,-5\n3,b,70\n1,c,20\n4,NA,900\n5,c,30\n");
    let types = [("id", Type::Int64.required()), ("shop", Type::String.optional()), ("n", Type::Int64.optional())];
    let mut rides = source(csv("a.csv"), &types);
    let n = || crate::build::column("n", Type::Int64);
    rides.expectations = vec![
        expectation(compare(BinaryOp::Greater, n(), int(0)), OnViolation::Drop, 1),
        expectation(compare(BinaryOp::Less, n(), int(500)), OnViolation::Quarantine, 2),
    ];
    let report = read(&project, &rides).await.profile.unwrap().report();
    assert_eq!((report.rows, top(&report)), (4, vec![("c", 2), ("a", 1), ("b", 1)]));
    rides.key = vec!["id".to_owned()];
    let profile = read(&project, &rides).await.profile.unwrap();
    let report = profile.report();
    assert_eq!((report.rows, top(&report)), (3, vec![("c", 2), ("b", 1)]));
    let n = column(&report, "n");
    assert_eq!((&n.min, &n.max, n.nulls), (&Some(json!(20)), &Some(json!(70)), Some(0)));
    // Reading the written table gives the same profile, down to the bytes.
    let again = project.dataflow.profile(&rides, &project.path("out.parquet")).await.unwrap();
    assert_eq!(again.write(), profile.write());
    assert_eq!(Profile::read(&profile.write()).unwrap().report(), report);
}

fn parquet(path: &str) -> mlsys_plan::Call {
    call("parquet", [("path", Value::String(path.to_owned()))])
}

/// Lists as they are stored, the second one missing.
fn tags() -> ArrayRef {
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None]);
    let item = Arc::new(Field::new_list_field(DataType::Int64, true));
    let (_, offsets, values, nulls) = lists.into_parts();
    Arc::new(ListArray::new(item, offsets, values, nulls))
}

/// Two files with more columns than are declared, in another order.
fn write_files(project: &Project) {
    for (file, first) in [("p1.parquet", 1_i64), ("p2.parquet", 3)] {
        let times = TimestampMicrosecondArray::from(vec![Some(first * 1_000_000), None]).with_timezone("UTC");
        write_table(
            &project.path(file),
            vec![
                ("shop", Arc::new(StringArray::from(vec![Some("a"), Some("b")])) as ArrayRef),
                ("other", Arc::new(Int64Array::from(vec![0, 0]))),
                ("email", Arc::new(StringArray::from(vec![Some("x@y"), None]))),
                ("at", Arc::new(times)),
                ("id", Arc::new(Int64Array::from(vec![first, first + 1]))),
                ("x", Arc::new(Float64Array::from(vec![Some(first as f64 / 4.0), Some(9.5)]))),
                ("tags", tags()),
            ],
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn footers_know_counts_and_extremes_of_files_that_are_not_read() {
    let project = Project::new();
    write_files(&project);
    let types = [
        ("id", Type::Int64.required()),
        ("x", Type::Float64.optional()),
        ("at", Type::Timestamp.optional()),
        ("shop", Type::String.required()),
        ("email", Type::String.optional()),
        ("tags", Type::List(Box::new(Type::Int64)).optional()),
    ];
    let mut rides = source(parquet("p*.parquet"), &types);
    rides.schema[4].pii = true;
    let found = read(&project, &rides).await;
    assert!(found.report.in_place && found.profile.is_none());
    let report = project.dataflow.profile_of_footers(&rides, &project.path("out.parquet")).unwrap();
    assert_eq!((report.from, report.rows), (ProfileFrom::Footers, 4));
    let told = |name| {
        let ColumnReport { nulls, min, max, distinct, .. } = column(&report, name).clone();
        assert_eq!(distinct, None);
        (nulls, min, max)
    };
    assert_eq!(told("id"), (Some(0), Some(json!(1)), Some(json!(4))));
    assert_eq!(told("x"), (Some(0), Some(json!(0.25)), Some(json!(9.5))));
    let (first, last) = (json!("1970-01-01T00:00:01Z"), json!("1970-01-01T00:00:03Z"));
    assert_eq!(told("at"), (Some(2), Some(first), Some(last)));
    assert_eq!(told("shop"), (Some(0), None, None));
    assert_eq!((told("email"), column(&report, "email").pii), ((Some(2), None, None), true));
    // The files themselves say the same, and more.
    let full = project.dataflow.profile(&rides, &project.path("out.parquet")).await.unwrap().report();
    for (known, full) in report.columns.iter().zip(&full.columns) {
        // Footers count the items of lists, and not the lists.
        let nulls = if known.name == "tags" { None } else { full.nulls };
        assert_eq!((&known.name, known.nulls), (&full.name, nulls));
        assert!(known.min.is_none() || (&known.min, &known.max) == (&full.min, &full.max), "{}", full.name);
    }
    assert_eq!(top(&full), [("a", 2), ("b", 2)]);
}

/// Files that must be read, but need not be written, are profiled on the way.
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_read_in_place_are_profiled() {
    let project = Project::new();
    write_files(&project);
    let mut rides = source(parquet("p*.parquet"), &[("id", Type::Int64.required()), ("shop", Type::String.required())]);
    rides.key = vec!["id".to_owned()];
    let found = read(&project, &rides).await;
    let report = found.profile.unwrap().report();
    assert!(found.report.in_place);
    assert_eq!((report.from, report.rows, top(&report)), (ProfileFrom::Rows, 4, vec![("a", 2), ("b", 2)]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_of_no_rows_says_nothing() {
    let project = Project::new();
    project.write("a.csv", "n,s\n");
    let rides = source(csv("a.csv"), &[("n", Type::Int64.optional()), ("s", Type::String.optional())]);
    let report = read(&project, &rides).await.profile.unwrap().report();
    assert_eq!((report.rows, report.columns[0].nulls, &report.columns[0].min), (0, Some(0), &None));
    assert_eq!((report.columns[1].distinct, report.columns[1].lengths), (Some(0), None));
}
