//! What is told about files by looking at them.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryArray, Int64Array, StringArray, StructArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field};
use mlsys_dataflow::{Inferred, infer};
use mlsys_plan::Value;

use crate::build::*;

/// `name: type`, a line each.
fn columns(found: &Inferred) -> Vec<String> {
    found.columns.iter().map(|column| format!("{}: {}", column.name, column.ty)).collect()
}

#[test]
fn the_weather_file_is_told_as_it_is_declared() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/flights/data/weather.csv");
    assert!(path.exists(), "the data is missing: `make data` fetches it");
    let found = infer(&path).unwrap();
    assert_eq!(found.rows_looked_at, 10_000);
    assert_eq!(found.connector.args["null"], Value::String("NA".to_owned()));
    let columns = columns(&found);
    for expected in
        ["time_hour: timestamp", "wind_speed: float64?", "precip: float64", "visib: float64", "month: int32"]
    {
        assert!(columns.iter().any(|column| column == expected), "{expected}: {columns:?}");
    }
    // The first 10,000 rows name two airports of three: a list of names from a part would stop a run.
    assert_eq!(columns[0], "origin: string", "{columns:?}");
    assert_eq!(found.time_candidates, ["time_hour"]);
    assert!(
        found.key_candidates.contains(&vec!["origin".to_owned(), "time_hour".to_owned()]),
        "{:?}",
        found.key_candidates
    );
}

#[test]
fn fields_of_text_files_get_the_narrowest_type_that_reads_them() {
    let project = Project::new();
    let mut text = String::from("id,big,share,ok,day,at,kind,note,over,Dep Delay\n");
    for row in 0..200 {
        let kind = ["card", "cash"][row % 2];
        let note = if row == 3 { String::new() } else { format!("note {row}") };
        text += &format!("{row},{},0.5,true,2013-01-01,2013-01-01T10:00:00Z,{kind},{note},1,2\n", 3_000_000_000_i64);
    }
    project.write("a.csv", &text);
    let found = infer(&project.path("a.csv")).unwrap();
    let expected = [
        "id: int32",
        "big: int64",
        "share: float64",
        "ok: bool",
        "day: date",
        "at: timestamp",
        "kind: enum(\"card\", \"cash\")",
        "note: string?",
    ];
    assert_eq!(columns(&found), expected);
    assert_eq!(found.key_candidates, [["id"]]);
    let refused: Vec<&str> = found.unsupported.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(refused, ["over", "Dep Delay"]);
    assert!(found.unsupported[0].reason.contains("reserved word"), "{:?}", found.unsupported);
    assert_eq!(found.columns[0].examples, ["0", "1", "2"]);
}

#[test]
fn parquet_files_say_their_types_and_what_is_missing() {
    let project = Project::new();
    let nested = StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Int64, true)),
        Arc::new(Int64Array::from(vec![1; 20_000])) as ArrayRef,
    )]);
    // The missing value lies behind the rows that are looked at: the file's statistics know it.
    let late: Int64Array = (0..20_000_i64).map(|row| (row != 15_000).then_some(row)).collect();
    let at = TimestampMicrosecondArray::from_iter_values(0..20_000).with_timezone("UTC");
    let columns_of_file: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from_iter_values(0..20_000))),
        ("late", Arc::new(late)),
        ("at", Arc::new(at)),
        ("raw", Arc::new(BinaryArray::from_iter_values(vec![b"x"; 20_000]))),
        ("kind", Arc::new(StringArray::from_iter_values((0..20_000).map(|row| ["a", "b"][row % 2])))),
        ("nested", Arc::new(nested)),
    ];
    write_table(&project.path("a.parquet"), columns_of_file);
    let found = infer(&project.path("a.parquet")).unwrap();
    let expected = ["id: int64", "late: int64?", "at: timestamp", "raw: bytes", "kind: string"];
    assert_eq!(columns(&found), expected);
    assert_eq!(found.unsupported.len(), 1);
    assert!(found.unsupported[0].reason.starts_with("the language has no type for `Struct"), "{:?}", found.unsupported);
    assert_eq!(found.key_candidates[0], ["id"]);
}

#[test]
fn json_objects_say_their_types() {
    let project = Project::new();
    let lines: Vec<String> = (0..50)
        .map(|row| {
            let extra = if row % 2 == 0 { ", \"extra\": 1.5" } else { "" };
            format!(
                "{{\"id\": {row}, \"at\": \"2013-01-01T10:00:{row:02}Z\", \"tags\": [\"a\"], \"deep\": {{\"x\": 1}}, \"mixed\": {}{extra}}}",
                if row % 2 == 0 { "1" } else { "\"one\"" }
            )
        })
        .collect();
    project.write("a.ndjson", &(lines.join("\n") + "\n"));
    let found = infer(&project.path("a.ndjson")).unwrap();
    let mut told = columns(&found);
    told.sort();
    assert_eq!(told, ["at: timestamp", "extra: float64?", "id: int32", "tags: list<string>"]);
    let mut refused: Vec<&str> = found.unsupported.iter().map(|column| column.name.as_str()).collect();
    refused.sort_unstable();
    assert_eq!(refused, ["deep", "mixed"]);
    assert_eq!(infer(Path::new("a.xlsx")).unwrap_err().code(), "E0901");
    assert_eq!(infer(&project.path("nothing.csv")).unwrap_err().code(), "E0901");
}
