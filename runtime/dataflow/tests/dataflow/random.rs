//! Joins over generated data against the oracle: every aggregate, several windows, every kind of disorder.
//! Ten thousand cases; each has some of the aggregates.

use std::sync::LazyLock;

use arrow::array::{AsArray, RecordBatch};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tokio::runtime::Runtime;

use crate::build::Project;
use crate::join::{by_number, group, joined, joined_by, joined_together, value};
use crate::oracle::{Event, Feature, Observation, Window, same};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

const AGGREGATES: [(&str, &str, bool); 49] = [
    ("count", "rows", false),
    ("count", "rows", true),
    ("count", "x", false),
    ("sum", "x", false),
    ("sum", "x", true),
    ("mean", "x", false),
    ("min", "x", false),
    ("max", "x", false),
    ("first", "x", false),
    ("last", "x", false),
    ("last", "x", true),
    ("sum", "n", false),
    ("mean", "n", false),
    ("min", "n", false),
    ("max", "n", true),
    ("first", "n", false),
    ("min", "s", false),
    ("max", "s", false),
    ("first", "s", true),
    ("last", "s", false),
    ("any", "b", false),
    ("all", "b", false),
    ("mean", "b", false),
    ("min", "b", false),
    ("max", "b", false),
    ("last", "b", false),
    ("count_distinct", "x", false),
    ("count_distinct", "n", true),
    ("count_distinct", "s", false),
    ("count_distinct", "b", false),
    ("variance", "x", false),
    ("stddev", "x", false),
    ("stddev", "x", true),
    ("median", "x", false),
    ("quantile", "x", true),
    ("mode", "x", false),
    ("mode", "s", true),
    ("mode", "b", false),
    ("top_k", "n", false),
    ("top_k", "s", true),
    ("last_n", "x", false),
    ("last_n", "s", false),
    ("last_n", "b", true),
    ("collect", "n", false),
    ("collect", "x", true),
    ("approx_distinct", "n", false),
    ("approx_distinct", "s", true),
    ("ewma", "x", false),
    ("slope", "x", false),
];

fn key() -> impl Strategy<Value = [Option<String>; 2]> {
    // As text put together, ("1", "23") and ("12", "3") would be one key.
    let usual = || select(vec!["1", "12", "23", "3"]).prop_map(Some);
    let part = || prop_oneof![9 => usual(), 2 => select(vec!["", "\u{0}"]).prop_map(Some), 1 => Just(None)];
    (part(), part()).prop_map(|(one, two)| [one.map(str::to_owned), two.map(str::to_owned)])
}

fn few_keys() -> impl Strategy<Value = [Option<String>; 2]> {
    prop_oneof![3 => Just([Some("1".to_owned()), Some("23".to_owned())]), 1 => key()]
}

fn number() -> impl Strategy<Value = Option<f64>> {
    let special = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, 1e15, -1e15, 1e-9];
    prop_oneof![
        2 => Just(None),
        6 => (-8_i32..8).prop_map(|value| Some(f64::from(value) / 4.0)),
        2 => (-1e6_f64..1e6).prop_map(Some),
        2 => select(special.to_vec()).prop_map(Some),
    ]
}

fn instant() -> impl Strategy<Value = Option<i64>> {
    // A narrow range around 1970, so that instants are equal and edges are met.
    prop_oneof![1 => Just(None), 15 => (-12_i64..12).prop_map(Some)]
}

fn maybe<T: Clone + std::fmt::Debug + 'static>(values: Vec<T>) -> impl Strategy<Value = Option<T>> {
    prop_oneof![1 => Just(None), 4 => select(values).prop_map(Some)]
}

fn event() -> impl Strategy<Value = Event> {
    let keep = prop_oneof![1 => Just(None), 1 => Just(Some(false)), 8 => Just(Some(true))];
    let texts = ["", "a", "b", "ab"].map(str::to_owned).to_vec();
    let columns = (number(), maybe((-5..5).chain([1 << 40]).collect()), maybe(texts), maybe(vec![true, false]));
    (few_keys(), instant(), keep, columns).prop_map(|(key, at, keep, (x, n, s, b))| Event {
        key,
        at,
        seq: None,
        keep,
        x,
        n,
        s,
        b,
    })
}

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    // `seq` is a permutation: the order of rows of one instant is not the order in which they are read.
    prop::collection::vec(event(), 0..60).prop_flat_map(|events| {
        let order: Vec<i64> = (0..events.len() as i64).collect();
        (Just(events), Just(order).prop_shuffle()).prop_map(|(mut events, order)| {
            events.iter_mut().zip(order).for_each(|(event, seq)| event.seq = Some(seq));
            events
        })
    })
}

pub(crate) fn observations() -> impl Strategy<Value = Vec<Observation>> {
    let one = (few_keys(), instant()).prop_map(|(key, at)| Observation { key, at });
    prop::collection::vec(one, 0..40)
}

/// A window, its offset, and its step.
type Placed = (Window, i64, Option<i64>);

fn windows() -> impl Strategy<Value = Vec<Placed>> {
    let window = prop_oneof![
        1 => Just(Window::All),
        1 => Just(Window::Range(i64::MAX)),
        6 => (1_i64..15).prop_map(Window::Range),
        3 => (1_u32..6).prop_map(Window::Last),
    ];
    let offset = prop_oneof![4 => Just(0), 3 => 1_i64..9, 1 => Just(i64::MAX)];
    let step = prop_oneof![2 => Just(None), 1 => (1_i64..9).prop_map(Some), 1 => Just(Some(i64::MAX))];
    prop::collection::vec((window, offset, step), 1..4)
}

type Aggregate = (&'static str, &'static str, bool);

/// Some of the aggregates.
fn aggregates() -> impl Strategy<Value = Vec<Aggregate>> {
    subsequence(AGGREGATES.to_vec(), 1..12)
}

/// The aggregates over all windows.
fn features(aggregates: &[Aggregate], windows: &[Placed]) -> Vec<Feature> {
    let feature = |&(window, offset, step): &Placed, &(function, column, is_filtered): &Aggregate| Feature {
        function,
        column,
        is_filtered,
        window,
        offset,
        step,
    };
    windows.iter().flat_map(|window| aggregates.iter().map(move |aggregate| feature(window, aggregate))).collect()
}

/// Holds a join's result against the oracle.
fn check(
    result: &RecordBatch,
    features: &[Feature],
    events: &[Event],
    observations: &[Observation],
) -> Result<(), TestCaseError> {
    let scale: f64 = events.iter().filter_map(|event| event.x).filter(|x| x.is_finite()).map(f64::abs).sum();
    for (index, feature) in features.iter().enumerate() {
        for (row, observation) in observations.iter().enumerate() {
            let found = value(result.column(index), row);
            let expected = feature.at(observation, events);
            // A variance has the unit of a square, a slope that of values in a microsecond.
            let scale = match feature.function {
                "variance" => scale * scale,
                "slope" => scale * 1e6,
                _ => scale,
            };
            prop_assert!(
                same(&found, &expected, scale),
                "{feature:?} at {observation:?} is {found:?}, expected {expected:?}"
            );
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn a_join_by_a_pair_of_texts_is_what_the_oracle_says(
        events in events(),
        observations in observations(),
        aggregates in aggregates(),
        windows in windows(),
        threads in 1_usize..4,
        batch in prop_oneof![3 => 1_usize..9, 1 => Just(8192)],
    ) {
        let features = features(&aggregates, &windows);
        let project = Project::with(threads, batch);
        let result = RUNTIME.block_on(joined(&project, &features, &events, &observations));
        check(&result, &features, &events, &observations)?;
    }

    #[test]
    fn a_join_by_a_number_is_what_the_oracle_says(
        events in events(),
        observations in observations(),
        aggregates in aggregates(),
        windows in windows(),
        threads in 1_usize..4,
        batch in prop_oneof![3 => 1_usize..9, 1 => Just(8192)],
    ) {
        let features = features(&aggregates, &windows);
        let (project, group) = (Project::with(threads, batch), by_number(group(&features)));
        let result = RUNTIME.block_on(joined_by(&project, &group, &events, &observations));
        check(&result, &features, &events, &observations)?;
    }
}

/// Four groups: two that see the same rows, one that sees others, and one with another key.
fn four_groups(features: &[Feature]) -> Vec<(mlsys_plan::Features, Vec<Feature>)> {
    let some = |number: usize| -> Vec<Feature> { features.iter().skip(number).step_by(4).cloned().collect() };
    let named = |number: usize| {
        let features = some(number);
        let mut group = mlsys_plan::Features { name: format!("g{number}"), ..group(&features) };
        // What is computed from a feature stands behind it.
        let first = group.aggregates.first().cloned();
        group.derived.extend(first.map(|first| {
            let arg = Box::new(mlsys_plan::Expr::column(&first.name, first.ty));
            let kind = mlsys_plan::ExprKind::IsNull { arg };
            mlsys_plan::Derived {
                name: "is_missing".to_owned(),
                expr: mlsys_plan::Expr { kind, ty: mlsys_plan::Type::Bool.required() },
            }
        }));
        (group, features)
    };
    let mut groups: Vec<_> = (0..4).map(named).filter(|(_, features)| !features.is_empty()).collect();
    if let Some((group, _)) = groups.get_mut(2) {
        group.filter = None;
    }
    if let Some((group, _)) = groups.get_mut(3) {
        *group = by_number(group.clone());
    }
    groups
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn groups_that_are_joined_together_are_what_the_oracle_says(
        events in events(),
        observations in observations(),
        aggregates in aggregates(),
        windows in windows(),
        threads in 1_usize..4,
        batch in prop_oneof![3 => 1_usize..9, 1 => Just(8192)],
    ) {
        let (project, groups) = (Project::with(threads, batch), four_groups(&features(&aggregates, &windows)));
        let found = RUNTIME.block_on(joined_together(&project, &groups, &events, &observations));
        let all: Vec<Event> = events.iter().map(|event| Event { keep: Some(true), ..event.clone() }).collect();
        for ((group, features), result) in groups.iter().zip(&found) {
            let seen = if group.filter.is_none() { &all } else { &events };
            check(result, features, seen, &observations)?;
            let (first, is_missing) = (result.column(0), result.column(features.len()));
            prop_assert_eq!(arrow::compute::is_null(first).unwrap(), is_missing.as_boolean().clone());
        }
    }
}
