//! Plans as text, and plans that this runtime cannot run.

use std::collections::BTreeMap;

use mlsys_dataflow::{explain, supports};
use mlsys_plan::{
    Aggregate, BinaryOp, EntityKey, Features, Join, JoinKey, KnownAt, Label, Node, NodeId, Observe, OnViolation,
    Operation, Origin, Plan, Source, Type, VERSION, Value, Window,
};

use crate::build::*;

fn rides() -> Source {
    let schema =
        [("at", Type::Timestamp.required()), ("carrier", Type::String.required()), ("delay", Type::Float64.optional())];
    let mut source = source(csv("data/rides.csv"), &schema);
    let landed = binary(BinaryOp::Multiply, duration(60_000_000), column("delay", Type::Float64), Type::Duration);
    let landed = binary(BinaryOp::Add, column("at", Type::Timestamp), landed, Type::Timestamp);
    source.derived = vec![derived("landed_at", landed)];
    source.time = Some("at".to_owned());
    source.key = vec!["carrier".to_owned(), "at".to_owned()];
    source.known_at = vec![KnownAt { column: "delay".to_owned(), at: column("landed_at", Type::Timestamp) }];
    let sane = compare(BinaryOp::Less, column("delay", Type::Float64), float(1500.0));
    source.expectations = vec![expectation(sane, OnViolation::Drop, 20)];
    source
}

fn punctuality() -> Features {
    let delay = column("delay", Type::Float64);
    let aggregate = |name: &str, function: &str, argument, days: i64, ty: Type| Aggregate {
        name: name.to_owned(),
        function: function.to_owned(),
        argument,
        filter: None,
        args: BTreeMap::new(),
        window: if days == 0 { Window::All } else { Window::Range { width: days * 86_400_000_000 } },
        step: None,
        offset: 0,
        ty: ty.optional(),
        line: 30,
    };
    Features {
        name: "punctuality".to_owned(),
        entity: "airline".to_owned(),
        keys: vec![EntityKey { name: "carrier".into(), column: "carrier".into(), ty: Type::String.required() }],
        source: "rides".to_owned(),
        at: column("landed_at", Type::Timestamp),
        time: Some("at".to_owned()),
        filter: None,
        order: vec!["carrier".to_owned(), "at".to_owned()],
        aggregates: vec![
            aggregate("landings", "count", None, 1, Type::Int64),
            aggregate("mean_delay", "mean", Some(delay.clone()), 7, Type::Float64),
            aggregate("last_delay", "last", Some(delay), 0, Type::Float64),
        ],
        derived: vec![derived(
            "excess",
            binary(
                BinaryOp::Subtract,
                column("last_delay", Type::Float64),
                column("mean_delay", Type::Float64),
                Type::Float64,
            ),
        )],
        refresh: None,
    }
}

fn late() -> Observe {
    let delay = || column("delay", Type::Float64);
    Observe {
        label: Some(Label {
            name: "late".to_owned(),
            expr: compare(BinaryOp::Greater, delay(), float(15.0)),
            known_at: column("landed_at", Type::Timestamp),
            looks: Vec::new(),
        }),
        keys: vec![derived("carrier", column("carrier", Type::String))],
        inputs: vec![derived("hour", function("hour_of_day", vec![column("at", Type::Timestamp)], Type::Int32))],
        ..observing("late", 1_378_000_000_000_000)
    }
}

fn plan() -> Plan {
    let join = Join {
        model: "late".to_owned(),
        group: "punctuality".to_owned(),
        alias: None,
        keys: vec![JoinKey { key: "carrier".into(), column: "carrier".into() }],
        features: vec!["excess".to_owned(), "landings".to_owned()],
    };
    let operations = [
        Operation::Source(rides()),
        Operation::Features(punctuality()),
        Operation::Observe(late()),
        Operation::Join(join),
    ];
    let node = |(index, operation): (usize, Operation)| Node {
        id: NodeId::new(operation.kind(), &index.to_string()),
        origin: Origin { file: "rides.mlsys".into(), line: 5, name: operation.kind().to_owned() },
        inputs: Vec::new(),
        operation,
    };
    Plan {
        version: VERSION,
        program: "rides".to_owned(),
        nodes: operations.into_iter().enumerate().map(node).collect(),
    }
}

#[test]
fn a_source_shows_its_derived_columns_and_checks() {
    let plan = plan();
    let text = explain(&plan, &plan.nodes[0]).unwrap().unwrap();
    let expected = [
        "Projection: rides.at, rides.carrier, rides.delay, landed_at, rides.__file, rides.__row, rides.at IS NOT NULL AS __check.time, landed_at >= rides.at AS __check.known.delay, float_less(rides.delay, Float64(1500)) AS __check.0",
        "  Projection: rides.at, rides.carrier, rides.delay, add_time(rides.at, scale_duration(DurationMicrosecond(\"60000000\"), rides.delay)) AS landed_at, rides.__file, rides.__row",
        "    TableScan: rides",
        "",
    ];
    assert_eq!(text, expected.join("\n"));
}

#[test]
fn a_join_shows_its_windows_and_the_derived_features() {
    let plan = plan();
    assert_eq!(explain(&plan, &plan.nodes[1]).unwrap(), None);
    let text = explain(&plan, &plan.nodes[3]).unwrap().unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
    assert!(lines.contains(
        &"PointInTimeJoin: on=[__key.carrier], landings=[count() over 1d], mean_delay=[mean(delay) over 7d], last_delay=[last(delay) over all]"
    ), "{text}");
    assert!(lines.contains(&"TableScan: observe.late"), "{text}");
    assert!(lines.contains(&"TableScan: rides"), "{text}");
    assert_eq!(lines[0], "Projection: punctuality.excess, punctuality.landings");
    assert_eq!(text, explain(&plan, &plan.nodes[3]).unwrap().unwrap(), "the text depends on the plan alone");
}

#[test]
fn an_observation_shows_its_parts() {
    let plan = plan();
    let text = explain(&plan, &plan.nodes[2]).unwrap().unwrap();
    assert!(text.contains("CASE WHEN __at IS NULL THEN Utf8(\"without_time\")"), "{text}");
    assert!(text.contains("float_greater(rides.delay, Float64(15)) AS __label"), "{text}");
}

#[test]
fn what_is_not_implemented_is_refused_before_anything_runs() {
    assert_eq!(supports(&plan()), Ok(()));
    let mut plan = plan();
    let Operation::Source(source) = &mut plan.nodes[0].operation else { panic!("a source") };
    source.connector = call("kafka", [("topic", Value::String("rides".into()))]);
    source.expectations[0].predicate = function("is_holiday", vec![column("at", Type::Timestamp)], Type::Bool);
    let Operation::Features(features) = &mut plan.nodes[1].operation else { panic!("features") };
    features.aggregates[0].function = "middle".to_owned();
    features.aggregates[1].argument = Some(column("carrier", Type::String));
    let errors = supports(&plan).unwrap_err();
    let found: Vec<(&str, &str, Option<u32>)> =
        errors.iter().map(|error| (error.code(), error.message(), error.line())).collect();
    assert_eq!(
        found,
        [
            ("E0910", "this runtime has no connector `kafka`", Some(5)),
            ("E0910", "this runtime has no function `is_holiday`", Some(20)),
            ("E0910", "this runtime has no aggregate `middle`", Some(30)),
            ("E0910", "this runtime has no aggregate `mean(string)` with a result of `float64`", Some(30)),
        ]
    );
    assert_eq!(errors[0].help(), Some("its connectors are `arrow`, `csv`, `json`, `parquet`"));
}

#[test]
fn a_connector_refuses_what_it_cannot_read() {
    let mut plan = plan();
    let Operation::Source(source) = &mut plan.nodes[0].operation else { panic!("a source") };
    source.schema[2].ty = Type::Vector(3).required();
    source.connector.args.insert("delimiter".into(), Value::String("||".into()));
    let errors = supports(&plan).unwrap_err();
    assert_eq!(errors[0].message(), "`csv` needs a delimiter of one character, not \"||\"");
    let Operation::Source(source) = &mut plan.nodes[0].operation else { panic!("a source") };
    source.connector = csv("x.csv");
    let errors = supports(&plan).unwrap_err();
    assert_eq!(errors[0].message(), "`csv` cannot read column `delay`: `vector<3>` has no text form");
}
