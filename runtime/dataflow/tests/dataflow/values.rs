//! A group's values as they are now: those that a question at the end of the data would get.

use crate::build::*;
use crate::join::{by_number, group, value, write};
use crate::oracle::{Event, Feature, Observation, Value, Window, same};
use crate::random::events;
use proptest::prelude::*;
use tokio::runtime::Runtime;

fn features() -> Vec<Feature> {
    let feature =
        |function, column, window| Feature { function, column, is_filtered: false, window, offset: 0, step: None };
    vec![
        feature("sum", "n", Window::Range(7)),
        feature("last", "s", Window::All),
        feature("count", "rows", Window::Last(3)),
        feature("mean", "x", Window::All),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn values_are_those_of_a_question_at_the_end(events in events(), threads in 1_usize..4, batch in 1_usize..9) {
        let project = Project::with(threads, batch);
        write(&project, &events, &[]);
        let group = group(&features());
        let output = project.path("values.parquet");
        let runtime = Runtime::new().unwrap();
        let report = runtime
            .block_on(project.dataflow.values(&group, &project.path("events.parquet"), &output, &|_| {}))
            .unwrap();
        let table = read_table(&output);
        let is_seen = |event: &&Event| {
            event.at.is_some() && event.keep == Some(true) && event.key.iter().all(Option::is_some)
        };
        let mut keys: Vec<_> = events.iter().filter(is_seen).map(|event| event.key.clone()).collect();
        keys.sort();
        keys.dedup();
        prop_assert_eq!(report.entities, keys.len() as u64);
        prop_assert_eq!(table.num_rows(), keys.len());
        let scale: f64 = events.iter().filter_map(|event| event.x).filter(|x| x.is_finite()).map(f64::abs).sum();
        for (row, key) in keys.into_iter().enumerate() {
            let text = |index: usize| value(table.column(index), row);
            prop_assert_eq!([text(0), text(1)], key.clone().map(|part| part.map_or(Value::Null, Value::Text)));
            let asked = Observation { key, at: report.as_of };
            for (index, feature) in features().iter().enumerate() {
                let (found, expected) = (value(table.column(3 + index), row), feature.at(&asked, &events));
                prop_assert!(same(&found, &expected, scale), "{feature:?} at {asked:?}: {found:?}, not {expected:?}");
            }
        }
    }
}

/// Without rows there are no entities, and no moment.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_has_no_values() {
    let project = Project::new();
    write(&project, &[], &[]);
    let group = by_number(group(&features()));
    let (rows, output) = (project.path("events.parquet"), project.path("values.parquet"));
    let report = project.dataflow.values(&group, &rows, &output, &|_| {}).await.unwrap();
    assert_eq!((report.entities, report.as_of), (0, None));
    assert_eq!(names(&read_table(&output)), ["number", "as_of", "f0", "f1", "f2", "f3"]);
}
