//! What trees leave: the same bytes on any number of threads, and nothing that is read by halves.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mlsys_plan::Value;
use mlsys_torch::{Model, train};
use mlsys_training::TrainJob;
use toy::{call, job, table, turn};

const ROWS: usize = 4000;

fn trees(folder: &Path, rounds: i64) -> TrainJob {
    let mut job = job(folder, &table(ROWS));
    job.train.learner = call("trees", &[("rounds", Value::Int(rounds))]);
    job
}

/// The files of a model, without the report, which tells of seconds.
fn files(model: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(model).unwrap().map(|entry| entry.unwrap().path());
    let named = files.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()));
    named.filter(|(name, _)| name != "report.json").collect()
}

#[test]
fn trees_are_the_same_bytes_on_any_number_of_threads() {
    let _turn = turn();
    let grown = [1, 2, 4].map(|threads| {
        let folder = tempfile::tempdir().unwrap();
        let mut job = trees(folder.path(), 30);
        job.threads = Some(threads);
        train(&job, &mut |_| {}).unwrap();
        files(&job.output)
    });
    assert!(grown[0].len() > 1 && grown[0].contains_key("model.txt"), "{:?}", grown[0].keys());
    assert!(grown.iter().all(|files| *files == grown[0]));
}

#[test]
fn trees_that_are_cut_off_are_no_model() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let job = trees(folder.path(), 3);
    train(&job, &mut |_| {}).unwrap();
    let path = job.output.join("model.txt");
    let whole = fs::read_to_string(&path).unwrap();
    Model::load(&job.output).unwrap();
    for share in [0, 1, 5, 9] {
        fs::write(&path, &whole[..whole.len() * share / 10]).unwrap();
        let error = Model::load(&job.output).err().unwrap();
        assert_eq!(error.code(), "E0933", "{error}");
        assert!(error.to_string().contains("model.txt"), "{error}");
    }
}

#[test]
fn trees_of_no_rounds_are_refused() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let error = train(&trees(folder.path(), 0), &mut |_| {}).unwrap_err();
    assert!(error.code() == "E0910" && error.to_string().contains("rounds"), "{error}");
}
