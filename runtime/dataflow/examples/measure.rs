//! Measures a source on a CSV file, and a join on generated data: `measure csv FILE`, `measure join EVENTS OBSERVATIONS KEYS`.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program for measuring by hand")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use mlsys_dataflow::{Dataflow, Options};
use mlsys_plan::{
    Aggregate, BinaryOp, Call, Derived, EntityKey, Expectation, Expr, ExprKind, Features, Field, Join, JoinKey,
    Literal, OnViolation, Source, Type, Value, Window,
};
use parquet::arrow::ArrowWriter;

const DAY: i64 = 86_400_000_000;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let folder = std::env::temp_dir().join(format!("mlsys-measure-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["csv", file] => csv(Path::new(file), &folder).await,
        ["join", events, observations, keys] => {
            join(events.parse().unwrap(), observations.parse().unwrap(), keys.parse().unwrap(), &folder).await;
        }
        _ => println!("measure csv FILE | measure join EVENTS OBSERVATIONS KEYS"),
    }
    std::fs::remove_dir_all(&folder).unwrap();
    println!("peak memory: {}", peak());
}

fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    status.lines().find(|line| line.starts_with("VmHWM")).unwrap().to_owned()
}

fn dataflow() -> Dataflow {
    let limit = std::env::var("LIMIT").ok().and_then(|text| text.parse().ok());
    Dataflow::new(&Options { memory_limit: limit, ..Options::default() }).unwrap()
}

async fn csv(file: &Path, folder: &Path) {
    let columns = [
        ("time_hour", Type::Timestamp, false),
        ("minute", Type::Int32, false),
        ("flight", Type::Int32, false),
        ("carrier", Type::String, false),
        ("tailnum", Type::String, true),
        ("origin", Type::String, false),
        ("dest", Type::String, false),
        ("distance", Type::Float64, false),
        ("dep_delay", Type::Float64, true),
        ("air_time", Type::Float64, true),
        ("arr_delay", Type::Float64, true),
    ];
    let field = |(name, ty, nullable): (&str, Type, bool)| Field {
        name: name.to_owned(),
        ty: ty.required().with_nullable(nullable),
        line: 1,
    };
    let column = |name: &str, ty: Type| Expr::column(name, ty.optional());
    let binary = |operator, left: Expr, right: Expr, ty: Type| Expr {
        kind: ExprKind::Binary { operator, left: Box::new(left), right: Box::new(right) },
        ty: ty.optional(),
    };
    let minutes = |of: Expr| {
        let minute = Expr::literal(Literal::Duration(60_000_000), Type::Duration.required());
        binary(BinaryOp::Multiply, minute, of, Type::Duration)
    };
    let departs = binary(
        BinaryOp::Add,
        column("time_hour", Type::Timestamp),
        minutes(column("minute", Type::Int32)),
        Type::Timestamp,
    );
    let flown =
        binary(BinaryOp::Add, column("dep_delay", Type::Float64), column("air_time", Type::Float64), Type::Float64);
    let landed = binary(BinaryOp::Add, column("departs_at", Type::Timestamp), minutes(flown), Type::Timestamp);
    let limit = Expr::literal(Literal::Float(1500.0), Type::Float64.required());
    let source = Source {
        name: "flights".into(),
        connector: Call {
            name: "csv".into(),
            args: BTreeMap::from([
                ("path".to_owned(), Value::String(file.canonicalize().unwrap().display().to_string())),
                ("null".to_owned(), Value::String("NA".into())),
            ]),
        },
        schema: columns.into_iter().map(field).collect(),
        derived: vec![
            Derived { name: "departs_at".into(), expr: departs },
            Derived { name: "landed_at".into(), expr: landed },
        ],
        time: Some("departs_at".into()),
        key: ["carrier", "flight", "origin", "departs_at"].map(str::to_owned).to_vec(),
        known_at: Vec::new(),
        expectations: vec![Expectation {
            predicate: binary(BinaryOp::Less, column("arr_delay", Type::Float64), limit, Type::Bool),
            on_violation: OnViolation::Quarantine,
            line: 2,
        }],
    };
    let start = Instant::now();
    let (output, quarantine) = (folder.join("out.parquet"), folder.join("quarantine.parquet"));
    let report = dataflow().source(&source, folder, &output, &quarantine, &|_| {}).await.unwrap();
    println!("{report:?}");
    println!("source: {:.3} s, {} bytes", start.elapsed().as_secs_f64(), output.metadata().unwrap().len());
}

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

async fn join(events: u64, observations: u64, keys: u64, folder: &Path) {
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let year = 365 * DAY as u64;
    let names = |count: u64, random: &mut dyn FnMut(u64) -> u64| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..count).map(|_| format!("key{:07}", random(keys)))))
    };
    let times = |count: u64, random: &mut dyn FnMut(u64) -> u64| -> ArrayRef {
        let times = (0..count).map(|_| random(year) as i64);
        Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
    };
    write(
        &folder.join("events.parquet"),
        vec![
            ("key", names(events, &mut random)),
            ("at", times(events, &mut random)),
            ("seq", Arc::new(Int64Array::from_iter_values(0..events as i64))),
            ("x", Arc::new(Float64Array::from_iter_values((0..events).map(|_| random(1000) as f64 / 7.0)))),
        ],
    );
    write(
        &folder.join("observations.parquet"),
        vec![("__at", times(observations, &mut random)), ("__key.key", names(observations, &mut random))],
    );
    let functions = ["count", "sum", "mean", "max", "last", "min"];
    let ordered = std::env::var("ORDERED").is_ok();
    let aggregate = |function: &str, days: i64| Aggregate {
        name: format!("{function}_{days}d"),
        function: function.to_owned(),
        argument: Some(Expr::column("x", Type::Float64.optional())),
        filter: None,
        window: Window::Range { width: days * DAY },
        ty: if function == "count" { Type::Int64 } else { Type::Float64 }.optional(),
        line: 1,
    };
    let windows = [1, 7, 30, 90];
    let kinds: Vec<&str> =
        functions.into_iter().filter(|name| ordered || *name != "last").take(3 + usize::from(ordered) * 2).collect();
    let features = Features {
        name: "group".into(),
        entity: "entity".into(),
        keys: vec![EntityKey { name: "key".into(), column: "key".into(), ty: Type::String.required() }],
        source: "events".into(),
        at: Expr::column("at", Type::Timestamp.optional()),
        filter: None,
        order: vec!["seq".into()],
        aggregates: kinds.iter().flat_map(|kind| windows.map(|days| aggregate(kind, days))).collect(),
        derived: Vec::new(),
    };
    let join = Join {
        model: "model".into(),
        group: "group".into(),
        keys: vec![JoinKey { key: "key".into(), column: "key".into() }],
        features: features.aggregates.iter().map(|aggregate| aggregate.name.clone()).collect(),
    };
    let start = Instant::now();
    let (left, right) = (folder.join("observations.parquet"), folder.join("events.parquet"));
    let report =
        dataflow().join(&join, &features, &left, &right, &folder.join("joined.parquet"), &|_| {}).await.unwrap();
    println!("{} rows, {} features over {kinds:?} x {windows:?}", report.rows, report.columns.len());
    println!("join: {:.3} s", start.elapsed().as_secs_f64());
}
