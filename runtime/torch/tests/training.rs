//! Training on small tables: what is learnt, what is fitted on, what is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use mlsys_plan::{Metric, Part};
use mlsys_torch::{Examples, Model, TrainError, train};
use mlsys_training::{TrainEvent, TrainJob};
use toy::{job, table, turn};

#[test]
fn a_model_learns_and_is_read_back_the_same() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let table = table(3000);
    let job = job(folder.path(), &table);
    let mut events = Vec::new();
    let report = train(&job, &mut |event| events.push(event.clone())).unwrap();
    assert!(report.parts[&Part::Test].metrics[&Metric::Auc] > 0.97, "{:?}", report.parts[&Part::Test].metrics);
    assert_eq!(report.left_out, 300);
    assert!(
        matches!(events.first(), Some(TrainEvent::Ready { .. })) && matches!(events.last(), Some(TrainEvent::Done))
    );

    let examples = Examples::read(&job.examples).unwrap();
    let test: Vec<usize> = (0..3000).filter(|&row| table.part[row] == "test").collect();
    let model = Model::load(&job.output).unwrap();
    let probabilities = model.predict(&examples, &test).unwrap();
    let labels: Vec<bool> = test.iter().map(|&row| table.label[row]).collect();
    let read_back = mlsys_torch::metrics(&labels, &probabilities);
    assert_eq!(read_back, report.parts[&Part::Test].metrics);
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
    for file in ["model.json", "model.safetensors"] {
        let read = |job: &TrainJob| std::fs::read(job.output.join(file)).unwrap();
        assert!(read(&left) == read(&right), "{file} differs");
    }
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
