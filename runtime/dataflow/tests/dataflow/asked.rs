//! What rows ask other tables for, against the oracle: lookups of groups and of sources with a time, and labels that look
//! ahead.

use std::sync::LazyLock;

use mlsys_dataflow::{Ahead, LookedUp};
use mlsys_plan::{EntityKey, Expr, ExprKind, Label, LookAhead, Observe, Source, Split, TimeSplit, Type, columns};
use proptest::prelude::*;
use tokio::runtime::Runtime;

use crate::build::*;
use crate::join::{group, value, write};
use crate::oracle::{Event, Feature, Observation, Value, Window, same};
use crate::random::{events, observations};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

/// How far labels look.
const WIDTH: i64 = 6;

fn feature(function: &'static str, column: &'static str, window: Window) -> Feature {
    Feature { function, column, is_filtered: false, window, offset: 0, step: None }
}

fn features() -> Vec<Feature> {
    vec![
        feature("sum", "n", Window::Range(5)),
        feature("last", "s", Window::All),
        feature("count", "rows", Window::Last(3)),
    ]
}

fn lookup(table: &str, column_name: &str, ty: Type) -> Expr {
    let keys = ["__key.one", "__key.two"].map(|key| column(key, Type::String)).to_vec();
    let kind = ExprKind::Lookup { table: table.to_owned(), keys, column: column_name.to_owned() };
    Expr { kind, ty: ty.optional() }
}

/// The source of the events: its latest row of each key is looked up under `name`.
fn asked(name: &str) -> Source {
    let schema = [
        ("k1", Type::String),
        ("k2", Type::String),
        ("at", Type::Timestamp),
        ("seq", Type::Int64),
        ("keep", Type::Bool),
        ("n", Type::Int64),
    ];
    let schema = schema.map(|(name, ty)| (name, ty.optional()));
    let key = ["k1", "k2"].map(str::to_owned).to_vec();
    let found = source(csv("events.csv"), &schema);
    Source { name: name.to_owned(), time: Some("at".to_owned()), key, ..found }
}

fn observe() -> Observe {
    let look = |name: &str, function: &str, argument: Option<Expr>, ty: Type| LookAhead {
        name: name.to_owned(),
        source: "ahead".to_owned(),
        keys: [("__key.one", "k1"), ("__key.two", "k2")]
            .map(|(name, column)| EntityKey {
                name: name.to_owned(),
                column: column.to_owned(),
                ty: Type::String.required(),
            })
            .to_vec(),
        function: function.to_owned(),
        argument,
        args: std::collections::BTreeMap::new(),
        filter: Some(column("keep", Type::Bool)),
        width: WIDTH,
        ty: ty.optional(),
    };
    let inputs = [
        ("sum", lookup("group", "f0", Type::Int64)),
        ("last", lookup("group", "f1", Type::String)),
        ("rows", lookup("group", "f2", Type::Int64)),
        ("latest", lookup("latest", "n", Type::Int64)),
    ];
    let at = column(columns::AT, Type::Timestamp);
    Observe {
        model: "model".to_owned(),
        source: "observations".to_owned(),
        at: at.clone(),
        time: Some(columns::AT.to_owned()),
        every: None,
        filter: None,
        feature_filter: None,
        label: Some(Label {
            name: "following".to_owned(),
            expr: column("label.2", Type::Int64),
            known_at: binary(mlsys_plan::BinaryOp::Add, at, duration(WIDTH), Type::Timestamp),
            looks: vec![
                look("label.1", "count", None, Type::Int64),
                look("label.2", "sum", Some(column("n", Type::Int64)), Type::Int64),
            ],
        }),
        group: None,
        debias: None,
        keys: Vec::new(),
        slices: vec![derived("count", column("label.1", Type::Int64))],
        inputs: inputs.into_iter().map(|(name, expr)| derived(name, expr)).collect(),
        split: Split::Time(TimeSplit { from: None, validate: None, test: 1 << 40, until: None }),
    }
}

/// The number in the latest row of the observation's key, be it missing or not.
fn latest(observation: &Observation, events: &[Event]) -> Value {
    let is_seen = |event: &Event| {
        event.key == observation.key && event.key.iter().all(Option::is_some) && event.at < observation.at
    };
    let seen = events.iter().enumerate().filter(|(_, event)| event.at.is_some() && is_seen(event));
    let latest = seen.max_by_key(|(place, event)| (event.at, *place));
    latest.and_then(|(_, event)| event.n).map_or(Value::Null, Value::Int)
}

/// An aggregate over the rows that follow an observation.
fn following(function: &'static str, column: &'static str, observation: &Observation, events: &[Event]) -> Value {
    let at = observation.at.unwrap();
    let follows = |event: &&Event| event.at.is_some_and(|time| at < time && time <= at + WIDTH);
    let events: Vec<Event> = events.iter().filter(follows).cloned().collect();
    let end = Observation { key: observation.key.clone(), at: Some(1 << 50) };
    feature(function, column, Window::All).at(&end, &events)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn rows_find_what_was_there_at_their_own_time(
        events in events(),
        observations in observations(),
        threads in 1_usize..4,
        batch in prop_oneof![3 => 1_usize..9, 1 => Just(8192)],
    ) {
        let project = Project::with(threads, batch);
        write(&project, &events, &observations);
        let group = group(&features());
        let (rows, output) = (project.path("events.parquet"), project.path("examples.parquet"));
        let (of_group, latest_rows, ahead) = (asked("rides"), asked("latest"), asked("ahead"));
        let result = RUNTIME.block_on(async {
            let tables = [
                LookedUp { source: &of_group, group: Some(&group), table: rows.clone() },
                LookedUp { source: &latest_rows, group: None, table: rows.clone() },
            ];
            let dataflow = project.dataflow.clone().looking_up(&tables).await.unwrap();
            let ahead = [Ahead { source: &ahead, table: &rows }];
            let path = project.path("observations.parquet");
            dataflow.observe(&observe(), &path, &ahead, &output, &|_| {}).await.unwrap();
            read_table(&output)
        });
        let end = events.iter().filter_map(|event| event.at).max();
        let asking: Vec<&Observation> = observations.iter().filter(|observation| observation.at.is_some()).collect();
        prop_assert_eq!(result.num_rows(), asking.len());
        let found = |name: &str, row: usize| value(result.column_by_name(name).unwrap(), row);
        for (row, observation) in asking.into_iter().enumerate() {
            for (name, feature) in ["sum", "last", "rows"].into_iter().zip(features()) {
                let expected = feature.at(observation, &events);
                prop_assert!(same(&found(name, row), &expected, 0.0), "{} at {:?}: {:?}", name, observation, expected);
            }
            prop_assert_eq!(found("latest", row), latest(observation, &events));
            prop_assert_eq!(found("__slice.count", row), following("count", "rows", observation, &events));
            let is_known = end.is_some_and(|end| observation.at.unwrap() + WIDTH <= end);
            let label = following("sum", "n", observation, &events);
            prop_assert_eq!(found(columns::LABEL, row), if is_known { label } else { Value::Null });
        }
    }
}
