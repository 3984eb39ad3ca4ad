//! Searches: trials are recorded, the best model is kept, the same seed gives the same trials, failures end nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::panic::{AssertUnwindSafe, catch_unwind};

use mlsys_plan::{Call, Dimension, Part, Tune, Tuned, Value};
use mlsys_torch::{Examples, Model, judge, train};
use mlsys_training::{JudgeJob, TrainEvent, TrainJob, TrainReport};
use toy::{call, hold, job, same_model, table, turn};

fn dimension(name: &str, of: Tuned, space: Call) -> Dimension {
    Dimension { name: name.to_owned(), of, space }
}

fn choice(values: Vec<Value>) -> Call {
    call("choice", &[("of", Value::List(values))])
}

fn searched(folder: &std::path::Path, search: &str, trials: u32, space: Vec<Dimension>) -> TrainJob {
    let mut job = job(folder, &table(600));
    job.train.training.epochs = 4;
    job.train.training.stop_early = None;
    let search = call(search, &[("startup", Value::Int(4))]);
    let metric = call("average_precision", &[]);
    job.train.tune = Some(Tune { trials, search, maximize: true, part: Part::Validate, metric, space });
    job
}

fn space() -> Vec<Dimension> {
    let widths = |width: i64| Value::List(vec![Value::Int(width)]);
    vec![
        dimension("lr", Tuned::Optimizer, call("log", &[("low", Value::Float(1e-4)), ("high", Value::Float(0.1))])),
        dimension("hidden", Tuned::Learner, choice(vec![widths(2), widths(8)])),
        dimension("batch", Tuned::Setting, call("integer", &[("low", Value::Int(32)), ("high", Value::Int(64))])),
    ]
}

fn without_seconds(mut report: TrainReport) -> TrainReport {
    report.seconds = 0.0;
    report.rows_per_second = None;
    report.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
    report.trials.iter_mut().for_each(|trial| trial.seconds = 0.0);
    report
}

#[test]
fn the_best_trial_is_kept_and_the_same_seed_gives_the_same_trials() {
    let _turn = turn();
    for search in ["tpe", "random"] {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut told = 0;
        let job = searched(left.path(), search, 8, space());
        let report = train(&job, &mut |event| told += u32::from(matches!(event, TrainEvent::Trial { .. }))).unwrap();
        assert_eq!((told, report.trials.len()), (8, 8), "{search}");
        let scores: Vec<f64> = report.trials.iter().map(|trial| trial.score.unwrap()).collect();
        let best = report.best_trial.unwrap() as usize;
        assert!(scores.iter().all(|score| *score <= scores[best - 1]), "{search}: {scores:?}");
        let of_model = report.parts[&Part::Validate].metrics.get("average_precision").unwrap();
        assert_eq!(of_model.to_bits(), scores[best - 1].to_bits(), "{search}: the kept model is the best trial's");
        let tried: std::collections::BTreeSet<String> =
            report.trials.iter().map(|trial| format!("{:?}", trial.values["lr"])).collect();
        assert!(tried.len() > 4, "{search}: {tried:?}");
        let again = train(&searched(right.path(), search, 8, space()), &mut |_| {}).unwrap();
        assert_eq!(without_seconds(report), without_seconds(again), "{search}");
    }
}

/// What is chosen depends on the trials before: one that is tried again, or that others are not held against, would show.
#[test]
fn a_search_that_was_cut_off_goes_on_with_the_trial_that_it_was_at() {
    let _turn = turn();
    for search in ["tpe", "asha", "grid"] {
        let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let prepared = |folder: &std::path::Path| {
            let rates = vec![Value::Float(1e30), Value::Float(0.1), Value::Float(1e-4), Value::Float(0.01)];
            let more = vec![Value::Float(0.02), Value::Float(0.05)];
            let listed = vec![dimension("lr", Tuned::Optimizer, choice([rates, more].concat()))];
            let mut job = searched(folder, search, 6, if search == "grid" { listed } else { space() });
            job.train.training.settings.push(call("checkpoint", &[("every", Value::Duration(0))]));
            job
        };
        let whole = prepared(left.path());
        let expected = train(&whole, &mut |_| {}).unwrap();

        let mut cut = prepared(right.path());
        cut.checkpoints = Some(right.path().join("checkpoints"));
        let (mut trial, mut epochs) = (0, 0);
        let died = catch_unwind(AssertUnwindSafe(|| {
            train(&cut, &mut |event| match event {
                TrainEvent::TrialStarted { trial: now, .. } => trial = *now,
                TrainEvent::Epoch(_) if trial == 5 => panic!("killed in the fifth trial"),
                _ => {}
            })
        }));
        assert!(died.is_err(), "{search}");
        let found = train(&cut, &mut |event| epochs += u32::from(matches!(event, TrainEvent::Epoch(_)))).unwrap();
        let left = expected.trials.iter().skip(4).map(|trial| trial.ended_after.unwrap_or(4)).sum::<u32>();
        assert!(epochs <= left, "{search}: {epochs} of {left} epochs were left to do");
        assert_eq!(without_seconds(found), without_seconds(expected), "{search}");
        same_model(&whole, &cut);
    }
}

/// Which trial is done first has no say: only the choice of points may depend on how many there are at a time.
#[test]
fn trials_side_by_side_are_those_of_one_after_the_other() {
    let _turn = turn();
    let parallel = |job: &mut TrainJob, trials: i64| {
        let tune = job.train.tune.as_mut().unwrap();
        tune.search.args.insert("parallel".to_owned(), Value::Int(trials));
    };
    let found = |search: &str, trials: i64, threads: u32| {
        let folder = tempfile::tempdir().unwrap();
        let mut job = searched(folder.path(), search, 7, space());
        job.threads = Some(threads);
        parallel(&mut job, trials);
        let report = without_seconds(train(&job, &mut |_| {}).unwrap());
        (report, std::fs::read(job.output.join("model.safetensors")).unwrap())
    };
    assert!(found("random", 3, 2) == found("random", 1, 1));
    for search in ["tpe", "asha"] {
        assert!(found(search, 3, 2) == found(search, 3, 1), "{search}");
        assert!(found(search, 3, 4) == found(search, 3, 1), "{search}");
    }

    // What was cut off in the second batch goes on there.
    let folder = tempfile::tempdir().unwrap();
    let mut job = searched(folder.path(), "tpe", 7, space());
    job.checkpoints = Some(folder.path().join("checkpoints"));
    parallel(&mut job, 3);
    let died = catch_unwind(AssertUnwindSafe(|| {
        train(&job, &mut |event| {
            if matches!(event, TrainEvent::TrialStarted { trial: 4, .. }) {
                panic!("killed in the second batch");
            }
        })
    }));
    assert!(died.is_err());
    let report = without_seconds(train(&job, &mut |_| {}).unwrap());
    assert_eq!(report, found("tpe", 3, 2).0);
}

#[test]
fn a_grid_ends_when_it_is_through_and_a_failed_trial_ends_nothing() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let rates = || vec![dimension("lr", Tuned::Optimizer, choice(vec![Value::Float(1e30), Value::Float(0.01)]))];
    let report = train(&searched(folder.path(), "grid", 12, rates()), &mut |_| {}).unwrap();
    assert_eq!((report.trials.len(), report.best_trial), (2, Some(2)));
    let failed = &report.trials[0];
    assert!(failed.failure.as_deref().is_some_and(|text| text.contains("not a number")), "{failed:?}");
    assert_eq!(failed.score, None);
    // Where every trial fails there is nothing to keep.
    let only = vec![dimension("lr", Tuned::Optimizer, choice(vec![Value::Float(1e30)]))];
    let folder = tempfile::tempdir().unwrap();
    let error = train(&searched(folder.path(), "grid", 2, only), &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "E0932", "{error}");
}

#[test]
fn a_search_that_can_see_nothing_is_refused_before_its_first_trial() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = searched(folder.path(), "tpe", 3, space());
    let mut blind = table(600);
    blind.part.iter_mut().filter(|part| **part == "validate").for_each(|part| *part = "left_out");
    job.examples = vec![vec![toy::write(folder.path(), &blind)]];
    let mut told = Vec::new();
    let error = train(&job, &mut |event| told.push(event.clone())).unwrap_err();
    assert_eq!((error.code(), told.len()), ("E0931", 0), "{error}");
}

#[test]
fn a_model_is_held_against_the_examples_of_another_training() {
    let _turn = turn();
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trained = job(old.path(), &table(600));
    train(&trained, &mut |_| {}).unwrap();
    let examples = job(new.path(), &table(900));
    let mut judged = JudgeJob {
        train: examples.train.clone(),
        examples: examples.examples.clone(),
        model: trained.output.clone(),
        output: new.path().join("judged.json"),
        threads: Some(1),
    };
    let report = judge(&judged, &mut |_| {}).unwrap();
    let written = std::fs::read_to_string(&judged.output).unwrap();
    assert!(written.contains("average_precision"), "{written}");
    let rows: Vec<usize> = (0..900).filter(|&row| table(900).part[row] == "test").collect();
    let predicted =
        Model::load(&trained.output).unwrap().predict(&Examples::read(&judged.examples).unwrap(), &rows).unwrap();
    let labels: Vec<bool> = rows.iter().map(|&row| table(900).label[row]).collect();
    hold(&report.parts[&Part::Test].metrics, &labels, &predicted);
    // Examples without an input of the model are no examples for it.
    let mut other = table(900);
    other.number_name = "renamed";
    judged.examples = vec![vec![toy::write(new.path(), &other)]];
    assert_eq!(judge(&judged, &mut |_| {}).unwrap_err().code(), "E0930");
}
