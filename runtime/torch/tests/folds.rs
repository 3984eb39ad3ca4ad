//! Cross-validation: what each fold is predicted by, what all of them come to, and what is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};
use mlsys_plan::{Part, columns};
use mlsys_torch::{Examples, Model, judge, train};
use mlsys_training::{JudgeJob, TrainEvent, TrainJob};
use toy::{Table, hold, job, same_model, table, turn, write_columns};

const FOLDS: usize = 3;

fn fold(row: usize) -> usize {
    row * 7 % 5 % FOLDS
}

/// Examples that are all in the test part, in folds.
fn in_folds(folder: &Path, table: &Table, folds: &[Option<i64>]) -> TrainJob {
    let mut job = job(folder, table);
    job.train.training.stop_early = None;
    job.train.training.epochs = 4;
    let columns: [(&str, ArrayRef); 6] = [
        ("number", Arc::new(Float64Array::from(table.number.clone()))),
        ("category", Arc::new(StringArray::from(table.category.clone()))),
        (columns::LABEL, Arc::new(BooleanArray::from(table.label.clone()))),
        (columns::PART, Arc::new(StringArray::from(table.part.clone()))),
        (columns::FOLD, Arc::new(Int64Array::from(folds.to_vec()))),
        ("__slice.category", Arc::new(StringArray::from(table.category.clone()))),
    ];
    job.examples = vec![vec![write_columns(folder, columns)]];
    job
}

fn all_in_test(rows: usize) -> (Table, Vec<Option<i64>>) {
    let mut table = table(rows);
    table.part.fill("test");
    (table, (0..rows).map(|row| Some(i64::try_from(fold(row)).unwrap())).collect())
}

/// A training of which the parts are told, row by row.
fn by_parts(folder: &Path, table: &Table, part: impl Fn(usize) -> &'static str) -> TrainJob {
    let mut table = table.clone();
    table.part = (0..table.part.len()).map(part).collect();
    let mut job = job(folder, &table);
    job.train.training.stop_early = None;
    job.train.training.epochs = 4;
    train(&job, &mut |_| {}).unwrap();
    job
}

#[test]
fn every_example_is_predicted_by_the_model_that_has_not_seen_it() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (table, folds) = all_in_test(900);
    let crossed = in_folds(folder.path(), &table, &folds);
    let mut told = Vec::new();
    let report = train(&crossed, &mut |event| {
        if let TrainEvent::Fold { fold, folds } = event {
            told.push((*fold, *folds));
        }
    })
    .unwrap();
    assert_eq!(told, [(Some(1), 3), (Some(2), 3), (Some(3), 3), (None, 3)]);

    let mut predictions = vec![0.0; 900];
    for number in 0..FOLDS {
        let folder = tempfile::tempdir().unwrap();
        let apart = by_parts(folder.path(), &table, |row| if fold(row) == number { "test" } else { "train" });
        let rows: Vec<usize> = (0..900).filter(|&row| fold(row) == number).collect();
        let model = Model::load(&apart.output).unwrap();
        let predicted = model.predict(&Examples::read(&apart.examples).unwrap(), &rows).unwrap();
        let labels: Vec<bool> = rows.iter().map(|&row| table.label[row]).collect();
        hold(&report.folds[number].metrics, &labels, &predicted);
        assert_eq!(report.folds[number].rows, rows.len() as u64);
        rows.iter().zip(&predicted).for_each(|(&row, prediction)| predictions[row] = *prediction);
    }
    assert_eq!(report.parts[&Part::Test].rows, 900);
    hold(&report.parts[&Part::Test].metrics, &table.label, &predictions);
    assert!(!report.importance.is_empty());
}

/// What is kept has learnt from all: as a training does whose test part has other rows.
#[test]
fn the_model_that_is_kept_has_learnt_from_every_example() {
    let _turn = turn();
    let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (table, folds) = all_in_test(600);
    let crossed = in_folds(left.path(), &table, &folds);
    train(&crossed, &mut |_| {}).unwrap();
    let mut more = table.clone();
    more.number.extend([Some(0.3), Some(-0.3)]);
    more.category.extend([Some("a"), Some("b")]);
    more.label.extend([true, false]);
    more.part.extend(["test", "test"]);
    let whole = by_parts(right.path(), &more, |row| if row < 600 { "train" } else { "test" });
    same_model(&crossed, &whole);
}

#[test]
fn folds_that_cannot_judge_are_refused() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (table, _) = all_in_test(600);
    let gap: Vec<Option<i64>> = (0..600).map(|row| Some(if row % 2 == 0 { 0 } else { 2 })).collect();
    let error = train(&in_folds(folder.path(), &table, &gap), &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "E0931");
    assert!(error.to_string().contains("fold 2 of 3 has no examples"), "{error}");

    // Without the second fold, every label is the same.
    let (mut one_sided, _) = all_in_test(600);
    one_sided.label.iter_mut().enumerate().for_each(|(row, label)| *label = row % 2 == 1 && row % 4 == 1);
    let split: Vec<Option<i64>> = (0..600).map(|row| Some(i64::from(row % 2 == 1))).collect();
    let error = train(&in_folds(folder.path(), &one_sided, &split), &mut |_| {}).unwrap_err();
    assert!(error.code() == "E0931" && error.to_string().contains("without fold 2"), "{error}");

    let (table, folds) = all_in_test(600);
    let job = in_folds(folder.path(), &table, &folds);
    train(&job, &mut |_| {}).unwrap();
    let judged = JudgeJob {
        train: job.train.clone(),
        examples: job.examples.clone(),
        model: job.output.clone(),
        output: folder.path().join("judged.json"),
        threads: Some(1),
    };
    let error = judge(&judged, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("learnt from"), "{error}");
}
