//! How predictions follow an input: of models of which it is known by construction.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use mlsys_plan::{Behaviour, Impute, ImputeStrategy, Origin, Relation, Task, Type, Value, columns};
use mlsys_torch::{Examples, Model, behave, train};
use mlsys_training::{BehaveJob, BehaviourResult, Seen, TrainJob};
use toy::{call, input, job_on, part, turn, write_columns};

const ROWS: usize = 1000;

/// Of these the test part has so many.
const TESTED: u64 = 100;

/// Numbers from -1 to 1, the same in every run.
fn numbers(rows: usize) -> Vec<f64> {
    (0..rows).map(|row| (row * 7919 % 1009) as f64 / 504.5 - 1.0).collect()
}

/// A number that the label follows from, and others that have nothing to do with it: one that is the same in all rows that are
/// learnt from, a count of few different values, a text.
fn examples(folder: &Path, number: Vec<Option<f64>>, parts: Vec<&'static str>) -> PathBuf {
    let rows = number.len();
    let learnt = |row: usize| parts[row] == "train";
    let label = number.iter().enumerate().map(|(row, number)| Some(number.unwrap_or(row as f64 % 2.0 - 0.5) > 0.1));
    write_columns(
        folder,
        [
            ("number", Arc::new(Float64Array::from(number.clone())) as ArrayRef),
            (
                "idle",
                Arc::new(Float64Array::from_iter_values(
                    (0..rows).map(|row| if learnt(row) { 3.0 } else { row as f64 }),
                )),
            ),
            ("count", Arc::new(Int64Array::from_iter_values((0..rows as i64).map(|row| row % 3)))),
            ("text", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("{row:0>80}"))))),
            (columns::LABEL, Arc::new(label.collect::<BooleanArray>())),
            (columns::PART, Arc::new(StringArray::from(parts.clone()))),
        ],
    )
}

fn parts(rows: usize) -> Vec<&'static str> {
    (0..rows).map(|row| part(row, rows)).collect()
}

/// A model of one input.
fn line(folder: &Path) -> TrainJob {
    let number = numbers(ROWS).into_iter().map(Some).collect();
    let job = job_on(
        folder,
        examples(folder, number, parts(ROWS)),
        Task::Binary,
        vec![input("number", Type::Float64.required())],
    );
    learnt(job, "linear")
}

fn learnt(mut job: TrainJob, learner: &str) -> TrainJob {
    job.train.learner = match learner {
        "trees" => call("trees", &[("rounds", Value::Int(20))]),
        other => call(other, &[]),
    };
    train(&job, &mut |_| {}).unwrap();
    job
}

fn expected(relation: Relation, input: &str, tolerance: f64) -> Behaviour {
    let origin = Origin { file: "toy.mlsys".to_owned(), line: 1, name: "test \"toy\"".to_owned() };
    let (test, input) = ("toy".to_owned(), input.to_owned());
    Behaviour { test, origin, relation, input, tolerance, share: 1.0, hidden: false }
}

/// What is seen of a trained model.
fn seen(job: &TrainJob, behaviours: Vec<Behaviour>) -> Vec<Seen> {
    let mut train = job.train.clone();
    let count = behaviours.len();
    train.behaviours = behaviours;
    let output = job.output.parent().unwrap().join("behaviours.json");
    let job = BehaveJob {
        train,
        examples: job.examples.clone(),
        model: job.output.clone(),
        output: output.clone(),
        threads: Some(1),
    };
    let report = behave(&job, &mut |_| {}).unwrap();
    assert_eq!(
        serde_json::from_str::<mlsys_training::BehaviourReport>(&std::fs::read_to_string(output).unwrap()).unwrap(),
        report
    );
    assert_eq!(report, behave(&job, &mut |_| {}).unwrap());
    assert_eq!(report.seen.len(), count);
    report.seen
}

#[test]
fn a_line_rises_with_its_input_and_does_not_fall() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let job = line(folder.path());
    let [rising, falling, far] = <[Seen; 3]>::try_from(seen(
        &job,
        vec![
            expected(Relation::Rising, "number", 0.0),
            expected(Relation::Falling, "number", 0.0),
            expected(Relation::Falling, "number", 1.0),
        ],
    ))
    .unwrap();
    // Three shuffles of rows without ties, of which a few keep their own value.
    assert!(rising.examples == TESTED && rising.compared > 280 && rising.compared <= 300, "{rising:?}");
    assert_eq!((rising.held, rising.worst), (rising.compared, None));
    assert_eq!((falling.compared, falling.held, falling.share()), (rising.compared, 0, Some(0.0)));
    assert_eq!((far.held, far.worst), (far.compared, None));

    // What is kept of it is read back the same.
    let behaviour = expected(Relation::Falling, "number", 0.0);
    let result = BehaviourResult { behaviour, seen: falling.clone(), met: false };
    let kept = serde_json::to_value(&result).unwrap();
    assert!(kept["behaviour"]["input"] == "number" && kept["held"] == 0, "{kept}");
    assert_eq!(serde_json::from_value::<BehaviourResult>(kept).unwrap(), result);

    // The worst example is shown as the model predicts it.
    let worst = falling.worst.unwrap();
    let (from, to) = worst.values.unwrap();
    let (from, to): (f64, f64) = (from.parse().unwrap(), to.parse().unwrap());
    let (before, after) = (worst.before.unwrap(), worst.after.unwrap());
    assert_eq!(to > from, after > before);
    assert!((after - before).abs() > 0.5, "{before} to {after}");
    let rows = Examples::read(&job.examples).unwrap();
    let row = numbers(ROWS).iter().position(|number| *number == from).unwrap();
    assert_eq!(Model::load(&job.output).unwrap().predict(&rows, &[row]).unwrap(), [before]);
}

#[test]
fn what_no_tree_asks_for_changes_nothing() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let inputs = ["number", "idle"].map(|name| input(name, Type::Float64.required())).to_vec();
    let number = numbers(ROWS).into_iter().map(Some).collect();
    let job =
        learnt(job_on(folder.path(), examples(folder.path(), number, parts(ROWS)), Task::Binary, inputs), "trees");
    let found = seen(
        &job,
        vec![
            expected(Relation::Invariant, "idle", 0.0),
            expected(Relation::Rising, "idle", 0.0),
            expected(Relation::Invariant, "number", 0.0),
            expected(Relation::Invariant, "number", 1.0),
        ],
    );
    for held in [&found[0], &found[1], &found[3]] {
        assert!(held.compared > 280 && held.held == held.compared && held.worst.is_none(), "{held:?}");
    }
    // Trees have steps: a part of the changes stays on the same one.
    assert!(found[2].held < found[2].compared && found[2].worst.is_some(), "{:?}", found[2]);
    assert!(found[2].share().is_some_and(|share| share > 0.1 && share < 0.9), "{:?}", found[2]);
}

#[test]
fn equal_values_and_missing_ones_judge_nothing() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let number: Vec<Option<f64>> =
        numbers(ROWS).into_iter().enumerate().map(|(row, number)| (row % 4 != 0).then_some(number)).collect();
    let inputs = vec![input("number", Type::Float64.optional()), input("count", Type::Int64.required())];
    let mut job = job_on(folder.path(), examples(folder.path(), number, parts(ROWS)), Task::Binary, inputs);
    job.train.impute = Some(Impute { strategy: ImputeStrategy::Median, indicator: true });
    let job = learnt(job, "linear");
    let found = seen(
        &job,
        vec![
            expected(Relation::Rising, "number", 0.0),
            expected(Relation::Invariant, "number", 1.0),
            expected(Relation::Invariant, "count", 1.0),
            expected(Relation::Rising, "count", 1.0),
        ],
    );
    // Three of four rows have a number.
    assert!(
        found[0].compared > 200 && found[0].compared <= 225 && found[0].held == found[0].compared,
        "{:?}",
        found[0]
    );
    // Whatever stands in its place, a missing value becomes a number, and a number a missing value: it is no change only from
    // one missing value to another.
    assert!(found[1].compared > 260 && found[1].compared < 300, "{:?}", found[1]);
    // Of three values a third of the changes is none.
    for of_three in &found[2..] {
        assert!(of_three.compared > 160 && of_three.compared < 240, "{of_three:?}");
    }
}

#[test]
fn what_has_one_value_only_is_not_compared() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = line(folder.path());
    job.examples = vec![vec![examples(folder.path(), vec![Some(0.3); 7], vec!["test"; 7])]];
    for relation in [Relation::Invariant, Relation::Rising, Relation::Falling] {
        let found = seen(&job, vec![expected(relation, "number", 0.0)]);
        let none = &found[0];
        assert_eq!((none.examples, none.compared, none.held, none.share(), &none.worst), (7, 0, 0, None, &None));
    }
}

#[test]
fn as_many_examples_as_are_enough_are_looked_at_and_values_of_people_are_not_shown() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = line(folder.path());
    // As with folds, every example is in the test part.
    let rows = 21_000;
    job.examples =
        vec![vec![examples(folder.path(), numbers(rows).into_iter().map(Some).collect(), vec!["test"; rows])]];
    let mut falling = expected(Relation::Falling, "number", 0.0);
    falling.hidden = true;
    let found = seen(&job, vec![falling]);
    assert_eq!(found[0].examples, 20_000);
    let worst = found[0].worst.as_ref().unwrap();
    assert!(worst.values.is_none() && worst.before.is_some() && worst.after.is_some(), "{worst:?}");
}

#[test]
fn of_classes_the_one_is_followed_that_was_predicted() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let number = numbers(ROWS);
    let class = |number: &f64| match number {
        number if *number > 0.4 => "high",
        number if *number > -0.4 => "middle",
        _ => "low",
    };
    let path = write_columns(
        folder.path(),
        [
            ("number", Arc::new(Float64Array::from(number.clone())) as ArrayRef),
            (columns::LABEL, Arc::new(StringArray::from_iter_values(number.iter().map(class)))),
            (columns::PART, Arc::new(StringArray::from(parts(ROWS)))),
        ],
    );
    let job = job_on(folder.path(), path, Task::Multiclass, vec![input("number", Type::Float64.required())]);
    let job = learnt(job, "trees");
    let found = seen(&job, vec![expected(Relation::Invariant, "number", 0.0)]);
    let worst = found[0].worst.as_ref().unwrap();
    // The class that was the most probable one of three, and is hardly probable with another number.
    assert!(worst.before.unwrap() > 0.9 && worst.after.unwrap() < 0.1, "{worst:?}");
}

#[test]
fn long_values_are_cut() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let number = numbers(ROWS).into_iter().map(Some).collect();
    let inputs = vec![input("number", Type::Float64.required()), input("text", Type::String.required())];
    let mut job =
        learnt(job_on(folder.path(), examples(folder.path(), number, parts(ROWS)), Task::Binary, inputs), "mlp");
    let found =
        seen(&job, vec![expected(Relation::Invariant, "text", 0.0), expected(Relation::Invariant, "number", 0.0)]);
    // Texts that training has not seen are all the same to it.
    assert_eq!(found[0].held, found[0].compared);
    assert!(found[1].worst.is_some());
    job.examples = vec![vec![examples(
        folder.path(),
        numbers(ROWS).into_iter().map(Some).collect(),
        (0..ROWS).map(|row| if row % 2 == 0 { "train" } else { "test" }).collect(),
    )]];
    let found = seen(&job, vec![expected(Relation::Invariant, "text", 0.0)]);
    let (from, to) = found[0].worst.as_ref().and_then(|worst| worst.values.clone()).unwrap();
    assert!([from, to].iter().all(|text| text.chars().count() == 61 && text.ends_with('…')));
}
