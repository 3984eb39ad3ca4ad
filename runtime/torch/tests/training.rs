//! Training on small tables: what is learnt, what is fitted on, what is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use mlsys_plan::{Part, Value};
use mlsys_torch::{Examples, Model, TrainError, train};
use mlsys_training::TrainEvent;
use toy::{call, hold, job, same_model, same_on_any_threads, table, turn};

fn auc(report: &mlsys_training::TrainReport, part: Part) -> f64 {
    report.parts[&part].metrics.get("auc").unwrap()
}

#[test]
fn a_model_learns_and_is_read_back_the_same() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let table = table(3000);
    let job = job(folder.path(), &table);
    let mut events = Vec::new();
    let report = train(&job, &mut |event| events.push(event.clone())).unwrap();
    assert!(auc(&report, Part::Test) > 0.97, "{:?}", report.parts[&Part::Test].metrics);
    assert_eq!(report.left_out, 300);
    assert!(
        matches!(events.first(), Some(TrainEvent::Ready { .. })) && matches!(events.last(), Some(TrainEvent::Done))
    );

    let examples = Examples::read(&job.examples).unwrap();
    let test: Vec<usize> = (0..3000).filter(|&row| table.part[row] == "test").collect();
    let model = Model::load(&job.output).unwrap();
    let probabilities = model.predict(&examples, &test).unwrap();
    let labels: Vec<bool> = test.iter().map(|&row| table.label[row]).collect();
    let metrics = &report.parts[&Part::Test].metrics;
    hold(metrics, &labels, &probabilities);
    for score in &metrics.0 {
        let (low, high) = score.interval.unwrap();
        assert!(low <= score.value && score.value <= high, "{score:?}");
    }
}

/// Changing what is not learnt from changes neither encoders nor weights.
#[test]
fn only_the_training_part_is_fitted_on() {
    let _turn = turn();
    let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, mut second) = (table(1000), table(1000));
    for row in 0..1000 {
        if second.part[row] == "test" || second.part[row] == "left_out" {
            second.number[row] = Some(1e6);
            second.category[row] = Some("unheard of");
        }
    }
    let (left, right) = (job(left.path(), &first), job(right.path(), &second));
    train(&left, &mut |_| {}).unwrap();
    train(&right, &mut |_| {}).unwrap();
    same_model(&left, &right);
}

/// A step is cut by its size alone: on more threads the same weights are learnt, bit by bit.
#[test]
fn the_number_of_threads_changes_nothing() {
    let _turn = turn();
    same_on_any_threads(|folder| job(folder, &table(4000)));
}

/// Cut off after some steps, a training goes on at its checkpoint and ends at the same model.
#[test]
fn a_training_that_was_cut_off_ends_at_the_same_model() {
    let _turn = turn();
    let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let often = call("checkpoint", &[("every", Value::Duration(0))]);
    let prepared = |folder: &std::path::Path| {
        let mut job = job(folder, &table(2000));
        job.train.training.settings.push(often.clone());
        job.train.training.epochs = 6;
        job
    };
    let whole = prepared(left.path());
    let expected = train(&whole, &mut |_| {}).unwrap();

    let mut cut = prepared(right.path());
    cut.checkpoints = Some(right.path().join("checkpoints"));
    let file = right.path().join("checkpoints/training.safetensors");
    let kept = right.path().join("kept.safetensors");
    // What a worker leaves that is killed in the third epoch: the file as it was then.
    train(&cut, &mut |event| {
        if matches!(event, TrainEvent::Epoch(report) if report.epoch == 3) {
            std::fs::copy(&file, &kept).unwrap();
        }
    })
    .unwrap();
    assert!(!file.exists(), "a training that is done leaves no checkpoint");
    std::fs::copy(&kept, &file).unwrap();
    std::fs::remove_dir_all(&cut.output).unwrap();
    let mut epochs = Vec::new();
    let found = train(&cut, &mut |event| {
        if let TrainEvent::Epoch(report) = event {
            epochs.push(report.epoch);
        }
    })
    .unwrap();
    assert_eq!(epochs, [3, 4, 5, 6], "the epochs before are not done again");
    let losses = |report: &mlsys_training::TrainReport| {
        report.epochs.iter().map(|epoch| epoch.loss.to_bits()).collect::<Vec<_>>()
    };
    assert_eq!(losses(&found), losses(&expected));
    assert_eq!(found.parts, expected.parts);
    same_model(&whole, &cut);
}

/// With other settings a checkpoint is of no use.
#[test]
fn a_checkpoint_of_another_training_is_not_taken_up() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(folder.path(), &table(500));
    job.checkpoints = Some(folder.path().join("checkpoints"));
    job.train.training.settings.push(call("checkpoint", &[("every", Value::Duration(0))]));
    job.train.training.epochs = 2;
    let file = folder.path().join("checkpoints/training.safetensors");
    let kept = folder.path().join("kept.safetensors");
    let keep = &mut |event: &TrainEvent| {
        if matches!(event, TrainEvent::Epoch(_)) {
            std::fs::copy(&file, &kept).unwrap();
        }
    };
    train(&job, keep).unwrap();
    std::fs::copy(&kept, &file).unwrap();
    job.train.training.seed += 1;
    let mut first = None;
    train(&job, &mut |event| {
        if let TrainEvent::Epoch(report) = event {
            first.get_or_insert(report.epoch);
        }
    })
    .unwrap();
    assert_eq!(first, Some(1));
}

#[test]
fn what_cannot_be_learnt_from_is_refused() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut one_class = table(500);
    one_class.label.fill(true);
    let error = train(&job(folder.path(), &one_class), &mut |_| {}).unwrap_err();
    assert!(matches!(error, TrainError::NothingToLearn(_)) && error.code() == "E0931", "{error}");
    let mut no_training = table(500);
    no_training.part.fill("test");
    let error = train(&job(folder.path(), &no_training), &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "E0931", "{error}");
    let mut job = job(folder.path(), &table(500));
    job.examples = vec![vec![folder.path().join("nothing.parquet")]];
    assert_eq!(train(&job, &mut |_| {}).unwrap_err().code(), "E0930");
}
