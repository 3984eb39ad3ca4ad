//! Runs a join on events and observations of the oracle, and reads what it wrote.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use mlsys_dataflow::{DataError, GroupJoin, JoinReport, join_groups};
use mlsys_plan::{Aggregate, EntityKey, Features, Join, JoinKey, Type, Window};

use crate::build::*;
use crate::oracle::{self, Event, Feature, Observation, Value};

fn times(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn texts<'a>(values: impl Iterator<Item = &'a Option<String>>) -> ArrayRef {
    Arc::new(values.map(|text| text.as_deref()).collect::<StringArray>())
}

/// Both parts of a key as one number, a different one for different short keys; missing if a part is.
fn numbers<'a>(keys: impl Iterator<Item = &'a [Option<String>; 2]>) -> ArrayRef {
    let number = |key: &[Option<String>; 2]| {
        let [Some(one), Some(two)] = key else { return None };
        let bytes = one.bytes().chain([u8::MAX]).chain(two.bytes());
        Some(
            bytes
                .fold(1_i64, |number, byte| number.wrapping_mul(256).wrapping_add(i64::from(byte)))
                .wrapping_sub(1 << 20),
        )
    };
    Arc::new(keys.map(number).collect::<Int64Array>())
}

/// Writes both tables into a project.
pub(crate) fn write(project: &Project, events: &[Event], observations: &[Observation]) {
    let integers = |pick: fn(&Event) -> Option<i64>| Arc::new(events.iter().map(pick).collect::<Int64Array>());
    let bools = |pick: fn(&Event) -> Option<bool>| Arc::new(events.iter().map(pick).collect::<BooleanArray>());
    write_table(
        &project.path("events.parquet"),
        vec![
            ("k1", texts(events.iter().map(|event| &event.key[0]))),
            ("k2", texts(events.iter().map(|event| &event.key[1]))),
            ("k", numbers(events.iter().map(|event| &event.key))),
            ("at", times(events.iter().map(|event| event.at))),
            ("seq", integers(|event| event.seq)),
            ("keep", bools(|event| event.keep)),
            ("x", Arc::new(events.iter().map(|event| event.x).collect::<Float64Array>())),
            ("n", integers(|event| event.n)),
            ("s", texts(events.iter().map(|event| &event.s))),
            ("b", bools(|event| event.b)),
        ],
    );
    write_table(
        &project.path("observations.parquet"),
        vec![
            ("__at", times(observations.iter().map(|observation| observation.at))),
            ("__key.one", texts(observations.iter().map(|observation| &observation.key[0]))),
            ("__key.two", texts(observations.iter().map(|observation| &observation.key[1]))),
            ("__key.number", numbers(observations.iter().map(|observation| &observation.key))),
        ],
    );
}

fn column_type(name: &str) -> Type {
    match name {
        "x" => Type::Float64,
        "n" => Type::Int64,
        "s" => Type::String,
        "at" => Type::Timestamp,
        _ => Type::Bool,
    }
}

/// The group with the given features, named `f0`, `f1`, …
pub(crate) fn group(features: &[Feature]) -> Features {
    let aggregate = |(index, feature): (usize, &Feature)| {
        let argument = (feature.column != "rows").then(|| column(feature.column, column_type(feature.column)));
        let ty = match feature.function {
            "count" | "count_distinct" | "approx_distinct" => Type::Int64,
            "mean" | "rate" => Type::Float64,
            "top_k" | "last_n" | "collect" => Type::List(Box::new(column_type(feature.column))),
            _ => column_type(feature.column),
        };
        Aggregate {
            name: format!("f{index}"),
            function: feature.function.to_owned(),
            argument,
            filter: feature.is_filtered.then(|| column("b", Type::Bool)),
            args: arguments(feature.function),
            window: match feature.window {
                oracle::Window::All => Window::All,
                oracle::Window::Range(width) => Window::Range { width },
                oracle::Window::Last(rows) => Window::Last { rows },
            },
            step: feature.step.filter(|_| matches!(feature.window, oracle::Window::Range(_))),
            offset: feature.offset,
            ty: ty.optional(),
            line: 1,
        }
    };
    let key = |name: &str, column: &str| EntityKey {
        name: name.to_owned(),
        column: column.to_owned(),
        ty: Type::String.required(),
    };
    Features {
        name: "group".to_owned(),
        entity: "pair".to_owned(),
        keys: vec![key("first", "k1"), key("second", "k2")],
        source: "events".to_owned(),
        at: column("at", Type::Timestamp),
        time: Some("at".to_owned()),
        filter: Some(column("keep", Type::Bool)),
        order: vec!["seq".to_owned()],
        aggregates: features.iter().enumerate().map(aggregate).collect(),
        derived: Vec::new(),
        refresh: None,
    }
}

/// The constant arguments of the aggregates that have some.
fn arguments(function: &str) -> BTreeMap<String, mlsys_plan::Value> {
    let listed = mlsys_plan::Value::Int(i64::try_from(oracle::LISTED).unwrap());
    let (name, value) = match function {
        "quantile" => ("q", mlsys_plan::Value::Float(oracle::QUANTILE)),
        "approx_quantile" => ("q", mlsys_plan::Value::Float(0.5)),
        "top_k" => ("k", listed),
        "last_n" => ("n", listed),
        "collect" => ("most", listed),
        "ewma" => ("half_life", mlsys_plan::Value::Duration(oracle::HALF_LIFE)),
        _ => return BTreeMap::new(),
    };
    BTreeMap::from([(name.to_owned(), value)])
}

/// The same group with a number as its key.
pub(crate) fn by_number(features: Features) -> Features {
    let key = EntityKey { name: "number".to_owned(), column: "k".to_owned(), ty: Type::Int64.required() };
    Features { keys: vec![key], ..features }
}

/// The join that wants every aggregate of a group.
pub(crate) fn wants(features: &Features) -> Join {
    let key = |key: &str, column: &str| JoinKey { key: key.to_owned(), column: column.to_owned() };
    Join {
        model: "model".to_owned(),
        group: features.name.clone(),
        alias: None,
        keys: vec![key("first", "one"), key("second", "two"), key("number", "number")],
        features: features.aggregates.iter().map(|aggregate| aggregate.name.clone()).collect(),
    }
}

/// Runs a join over the tables of a project.
pub(crate) async fn run(project: &Project, join: &Join, features: &Features) -> Result<JoinReport, DataError> {
    let (observations, events) = (project.path("observations.parquet"), project.path("events.parquet"));
    project.dataflow.join(join, features, &observations, &events, &project.path("joined.parquet"), &|_| {}).await
}

/// Writes both tables, runs the join of all features, and reads the result.
pub(crate) async fn joined(
    project: &Project,
    features: &[Feature],
    events: &[Event],
    observations: &[Observation],
) -> RecordBatch {
    joined_by(project, &group(features), events, observations).await
}

/// As [`joined`], for a group.
pub(crate) async fn joined_by(
    project: &Project,
    group: &Features,
    events: &[Event],
    observations: &[Observation],
) -> RecordBatch {
    write(project, events, observations);
    let report = run(project, &wants(group), group).await.unwrap();
    assert_eq!(report.rows, observations.len() as u64);
    read_table(&project.path("joined.parquet"))
}

/// Writes both tables, joins the groups at once, every feature of each, and reads the results.
pub(crate) async fn joined_together(
    project: &Project,
    groups: &[(Features, Vec<Feature>)],
    events: &[Event],
    observations: &[Observation],
) -> Vec<RecordBatch> {
    write(project, events, observations);
    let source = project.path("events.parquet");
    let joins: Vec<Join> = groups
        .iter()
        .map(|(group, _)| {
            let mut join = wants(group);
            join.features.extend(group.derived.iter().map(|derived| derived.name.clone()));
            join
        })
        .collect();
    let tables: Vec<PathBuf> =
        groups.iter().map(|(group, _)| project.path(&format!("{}.parquet", group.name))).collect();
    let inputs = groups.iter().zip(&joins).zip(&tables).map(|(((features, _), join), table)| GroupJoin {
        dataflow: &project.dataflow,
        join,
        features,
        source_table: &source,
        output: table.into(),
    });
    let inputs: Vec<GroupJoin<'_>> = inputs.collect();
    let reports = join_groups(&inputs, &project.path("observations.parquet"), &|_| {}).await.unwrap();
    assert!(reports.iter().all(|report| report.rows == observations.len() as u64));
    tables.iter().map(|table| read_table(table)).collect()
}

/// A value of a result.
pub(crate) fn value(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Int64 => Value::Int(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Float(column.as_primitive::<Float64Type>().value(row)),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            Value::List((0..items.len()).map(|item| value(&items, item)).collect())
        }
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::Timestamp(_, _) => Value::Int(column.as_primitive::<TimestampMicrosecondType>().value(row)),
        other => panic!("unexpected type {other}"),
    }
}

/// Rows that several groups see are read and ordered once, and so are the observations.
#[tokio::test(flavor = "multi_thread")]
async fn what_groups_share_is_done_once() {
    let feature = |function| Feature {
        function,
        column: "x",
        is_filtered: false,
        window: oracle::Window::All,
        offset: 0,
        step: None,
    };
    let named = |name: &str, function| Features { name: name.to_owned(), ..group(&[feature(function)]) };
    let all = |name: &str| Features { filter: None, ..named(name, "sum") };
    let other = by_number(named("d", "sum"));
    let options = mlsys_dataflow::Options { threads: Some(2), explain: true, ..Default::default() };
    let dataflow = mlsys_dataflow::Dataflow::new(&options).unwrap();
    let project = Project { dataflow, ..Project::new() };
    write(&project, &[], &[]);
    for (groups, joins, orders) in [
        (vec![named("a", "sum"), named("b", "max")], 1, 3),
        (vec![named("a", "sum"), all("c"), named("b", "max")], 2, 4),
        (vec![named("a", "sum"), other], 1, 3),
    ] {
        let wanted: Vec<Join> = groups.iter().map(wants).collect();
        let tables: Vec<PathBuf> = groups.iter().map(|group| project.path(&group.name)).collect();
        let source = project.path("events.parquet");
        let inputs = groups.iter().zip(&wanted).zip(&tables).map(|((features, join), table)| GroupJoin {
            dataflow: &project.dataflow,
            join,
            features,
            source_table: &source,
            output: table.into(),
        });
        let inputs: Vec<GroupJoin<'_>> = inputs.collect();
        let reports = join_groups(&inputs, &project.path("observations.parquet"), &|_| {}).await.unwrap();
        let explain = reports[0].explain.clone().unwrap();
        let count = |name: &str| explain.lines().filter(|line| line.trim_start().starts_with(name)).count();
        assert_eq!((count("PointInTimeExec"), count("OrderExec")), (joins, orders), "{explain}");
        assert_eq!(count("DataSourceExec"), joins + 1, "{explain}");
    }
}
