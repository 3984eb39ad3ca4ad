//! Rows as they come: the same values as in a run, without a plan.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::TimestampMicrosecondType;
use mlsys_dataflow::LookedUp;
use mlsys_plan::{
    BinaryOp, ExprKind, Features, Field, Join, JoinKey, KnownAt, Observe, OnViolation, Source, Type, Window, columns,
};

use crate::build::*;
use crate::join::group;
use crate::oracle::{self, Feature};

fn times(values: &[Option<i64>]) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(values.to_vec()).with_timezone("UTC"))
}

fn payments() -> Source {
    let schema = [
        ("at", Type::Timestamp.required()),
        ("name", Type::String.optional()),
        ("amount", Type::Float64.required()),
        ("settled", Type::Timestamp.required()),
    ];
    let mut source = source(csv("a.csv"), &schema);
    source.time = Some("at".to_owned());
    source.known_at = vec![KnownAt { column: "settled".to_owned(), at: column("settled", Type::Timestamp) }];
    let twice = binary(BinaryOp::Multiply, column("amount", Type::Float64), float(2.0), Type::Float64);
    source.derived = vec![
        derived("twice", twice),
        derived("four", binary(BinaryOp::Multiply, column("twice", Type::Float64), float(2.0), Type::Float64)),
    ];
    source.expectations = vec![
        expectation(compare(BinaryOp::Less, column("four", Type::Float64), float(100.0)), OnViolation::Quarantine, 20),
        expectation(compare(BinaryOp::Greater, column("amount", Type::Float64), float(0.0)), OnViolation::Drop, 21),
        expectation(compare(BinaryOp::Less, column("amount", Type::Float64), float(9.0)), OnViolation::Warn, 22),
    ];
    source
}

fn came() -> RecordBatch {
    let names = [Some("a"), None, Some("c"), Some("d"), Some("e")];
    RecordBatch::try_from_iter_with_nullable([
        ("at", times(&[Some(1_000_000), Some(2_000_000), Some(3_000_000), Some(4_000_000), Some(5_000_000)]), true),
        ("name", Arc::new(StringArray::from(names.to_vec())) as ArrayRef, true),
        ("amount", Arc::new(Float64Array::from(vec![1.5, 10.0, 30.0, -1.0, 2.0])) as ArrayRef, true),
        (
            "settled",
            times(&[Some(1_000_000), Some(9_000_000), Some(9_000_000), Some(9_000_000), Some(9_000_000)]),
            true,
        ),
    ])
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_a_stream_become_what_a_run_makes_of_them() {
    let project = Project::new();
    let lines = "1,a,1.5,1\n2,NA,10,9\n3,c,30,9\n4,d,-1,9\n5,e,2,9\n";
    let moment = |second: &str| format!("1970-01-01T00:00:0{second}Z");
    let rows = lines.lines().map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        format!("{},{},{},{}\n", moment(fields[0]), fields[1], fields[2], moment(fields[3]))
    });
    project.write("a.csv", &format!("at,name,amount,settled\n{}", rows.collect::<String>()));
    let live = project.dataflow.live_source(&payments()).unwrap();
    let taken = live.take(&came()).unwrap();
    assert_eq!(show(&taken.rows), project.rows(&payments()).await);
    assert_eq!(taken.rows.schema(), *live.schema());
    assert_eq!((taken.numbers, taken.dropped, taken.warned), (vec![0, 1, 4], 1, 1));
    let [aside] = taken.set_aside.as_slice() else { panic!("{:?}", taken.set_aside) };
    assert_eq!((aside.row, aside.reason.as_str(), aside.is_failure), (2, "(four < 100.0)", false));
    // What is known later may still be missing when a row comes.
    assert_eq!(live.fields().iter().map(|field| field.ty.nullable).collect::<Vec<_>>(), [false, true, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_would_stop_a_run_is_kept_aside() {
    let project = Project::new();
    let mut rows = came().columns().to_vec();
    rows[0] = times(&[None, Some(2_000_000), Some(3_000_000), Some(4_000_000), Some(5_000_000)]);
    rows[3] = times(&[Some(1_000_000), Some(1), Some(9_000_000), None, Some(9_000_000)]);
    let rows = RecordBatch::try_new(came().schema(), rows).unwrap();
    let taken = project.dataflow.live_source(&payments()).unwrap().take(&rows).unwrap();
    let told: Vec<_> = taken.set_aside.iter().map(|one| (one.row, one.is_failure)).collect();
    assert_eq!(told, [(0, true), (1, true), (2, false)]);
    assert_eq!(taken.numbers, [4]);
}

fn feature(function: &'static str, column: &'static str, window: oracle::Window) -> Feature {
    Feature { function, column, is_filtered: false, window, offset: 0, step: None }
}

fn events() -> Source {
    let schema = [
        ("k1", Type::String.optional()),
        ("k2", Type::String.optional()),
        ("at", Type::Timestamp.required()),
        ("seq", Type::Int64.required()),
        ("keep", Type::Bool.optional()),
        ("x", Type::Float64.optional()),
        ("b", Type::Bool.optional()),
    ];
    source(csv("a.csv"), &schema)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_groups_rows_are_those_that_its_windows_see() {
    let mut features = group(&[
        feature("sum", "x", oracle::Window::Range(5)),
        Feature { is_filtered: true, ..feature("last", "x", oracle::Window::All) },
        feature("count", "rows", oracle::Window::Last(3)),
    ]);
    features.derived =
        vec![derived("more", binary(BinaryOp::Add, column("f0", Type::Float64), float(1.0), Type::Float64))];
    let live = Project::new().dataflow.live_group(&events(), &features).unwrap();
    let text = |values: [Option<&str>; 4]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let bools =
        |values: [Option<bool>; 4]| Arc::new(values.into_iter().collect::<arrow::array::BooleanArray>()) as ArrayRef;
    let rows = RecordBatch::try_from_iter_with_nullable([
        ("k1", text([Some("a"), None, Some("b"), Some("c")]), true),
        ("k2", text([Some("1"), Some("2"), Some("3"), Some("4")]), true),
        ("at", times(&[Some(1), Some(2), Some(3), Some(4)]), true),
        ("seq", Arc::new(Int64Array::from(vec![4, 3, 2, 1])) as ArrayRef, true),
        ("keep", bools([Some(true), Some(true), None, Some(true)]), true),
        ("x", Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 4.0])) as ArrayRef, true),
        ("b", bools([Some(true), Some(true), Some(true), None]), true),
    ])
    .unwrap();
    let (made, numbers) = live.rows(&rows).unwrap();
    assert_eq!((live.keys(), live.arguments(), numbers), (2, 2, vec![0, 3]));
    assert_eq!(show(&made), ["a|1|1970-01-01T00:00:00.000001Z|1.0|1.0|4", "c|4|1970-01-01T00:00:00.000004Z|4.0|-|1"]);
    // Without a condition nothing is ever unknown.
    let any = Features { filter: None, ..features.clone() };
    let any = Project::new().dataflow.live_group(&events(), &any).unwrap();
    assert_eq!(any.rows(&rows).unwrap().1, [0, 2, 3]);
    let sought = live.sought();
    let arguments: Vec<_> = sought.iter().map(|one| (one.function.as_str(), one.argument)).collect();
    assert_eq!(arguments, [("sum", Some(0)), ("last", Some(1)), ("count", None)]);
    let windows = [Window::Range { width: 5 }, Window::All, Window::Last { rows: 3 }];
    assert_eq!(sought.iter().map(|one| one.window.window).collect::<Vec<_>>(), windows);
    let found: [ArrayRef; 3] = [
        Arc::new(Float64Array::from(vec![2.5])),
        Arc::new(Float64Array::from(vec![None::<f64>])),
        Arc::new(Int64Array::from(vec![2])),
    ];
    let features = live.features(&found, &times(&[Some(7)])).unwrap();
    assert_eq!(names(&features), ["f0", "f1", "f2", "more"]);
    assert_eq!(show(&features), ["2.5|-|2|3.5"]);
}

fn observed() -> Observe {
    Observe {
        keys: vec![derived("name", column("name", Type::String))],
        inputs: vec![
            derived("amount", column("amount", Type::Float64)),
            derived("four", column("four", Type::Float64)),
        ],
        ..observing("fraud", 0)
    }
}

fn joined(features: &mut Features) -> Join {
    features.keys.truncate(1);
    features.keys[0].name = "first".to_owned();
    let key = JoinKey { key: "first".to_owned(), column: "name".to_owned() };
    Join {
        model: "fraud".to_owned(),
        group: "group".to_owned(),
        alias: None,
        keys: vec![key],
        features: vec!["f0".to_owned()],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_becomes_the_inputs_that_a_training_would_have_seen() {
    let dataflow = Project::new().dataflow;
    let request: Vec<Field> = payments().schema.into_iter().filter(|field| field.name != "settled").collect();
    let rows = came().project(&[0, 1, 2]).unwrap().slice(0, 2);
    let examples = dataflow.live_examples(&payments(), &observed(), &request).unwrap();
    let asked = examples.asked(&rows, 77).unwrap();
    assert_eq!(asked.at.as_primitive::<TimestampMicrosecondType>().values(), &[1_000_000, 2_000_000]);
    let mut features = group(&[feature("sum", "x", oracle::Window::Range(5))]);
    let join = joined(&mut features);
    let [keys] = asked.key(&examples.key(&join, &features).unwrap()).unwrap().try_into().unwrap();
    assert_eq!(keys.as_ref(), &StringArray::from(vec![Some("a"), None]));
    let found: ArrayRef = Arc::new(Float64Array::from(vec![Some(5.0), None]));
    let beside = RecordBatch::try_from_iter_with_nullable([("f0", found, true)]).unwrap();
    let inputs = examples.inputs(&[(&join, beside.schema())]).unwrap();
    let (inputs, features) = inputs.of(&asked, &[beside]).unwrap();
    assert_eq!((names(&features), features.num_rows()), (vec!["group.f0".to_owned()], 2));
    assert_eq!(names(&inputs), [columns::AT, "__key.name", "amount", "four", "group.f0"]);
    let second = |number: u8| format!("1970-01-01T00:00:0{number}Z");
    assert_eq!(show(&inputs), [format!("{}|a|1.5|6.0|5.0", second(1)), format!("{}|-|10.0|40.0|-", second(2))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_say_when_is_asked_as_of_now() {
    let dataflow = Project::new().dataflow;
    let request: Vec<Field> =
        payments().schema.into_iter().filter(|field| field.name == "name" || field.name == "amount").collect();
    let rows = came().project(&[1, 2]).unwrap().slice(0, 1);
    let asked = dataflow.live_examples(&payments(), &observed(), &request).unwrap().asked(&rows, 77).unwrap();
    assert_eq!(asked.at.as_primitive::<TimestampMicrosecondType>().values(), &[77]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_time_cannot_be_looked_up_by_a_stream_yet() {
    let project = Project::new();
    project.write("a.csv", "at,name,amount,settled\n1970-01-01T00:00:01Z,a,1.5,1970-01-01T00:00:01Z\n");
    let mut prices = payments();
    prices.key = vec!["name".to_owned()];
    project.source(&prices).await.unwrap();
    let table = LookedUp { source: &prices, group: None, table: project.path("out.parquet") };
    let dataflow = project.dataflow.clone().looking_up(&[table]).await.unwrap();
    let kind = ExprKind::Lookup {
        table: "rides".to_owned(),
        keys: vec![column("name", Type::String)],
        column: "amount".to_owned(),
    };
    let mut source = payments();
    source.derived.push(derived("price", mlsys_plan::Expr { kind, ty: Type::Float64.optional() }));
    let error = dataflow.live_source(&source).err().unwrap();
    assert_eq!(error.code(), "E0910");
    assert!(error.message().contains("`rides`"), "{}", error.message());
}
