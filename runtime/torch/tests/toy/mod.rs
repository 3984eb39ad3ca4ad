//! Tables of which the label follows from a number and a category, and jobs on them.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use mlsys_metrics::{Judged, Truth};
use mlsys_plan::{
    Call, Impute, ImputeStrategy, ModelInput, Part, StopEarly, Task, Train, Training, Type, Value, ValueType, columns,
};
use mlsys_training::{Scores, TrainJob};
use parquet::arrow::ArrowWriter;

/// Rows of which the label follows from a number and a category, with values missing here and there.
#[derive(Clone)]
pub(crate) struct Table {
    /// What the number is called.
    pub(crate) number_name: &'static str,
    pub(crate) number: Vec<Option<f64>>,
    pub(crate) category: Vec<Option<&'static str>>,
    pub(crate) label: Vec<bool>,
    pub(crate) part: Vec<&'static str>,
}

pub(crate) fn table(rows: usize) -> Table {
    let mut table = Table { number_name: "number", number: vec![], category: vec![], label: vec![], part: vec![] };
    for row in 0..rows {
        let number = f64::from(u32::try_from(row * 37 % 101).unwrap()) / 50.0 - 1.0;
        let category = ["a", "b", "c"][row * 7 % 3];
        table.label.push(number + if category == "a" { 0.8 } else { -0.2 } > 0.1);
        table.number.push((row % 11 != 0).then_some(number));
        table.category.push((row % 13 != 0).then_some(category));
        table.part.push(part(row, rows));
    }
    table
}

/// Seven tenths are learnt from, one is looked at, one is left out, one judges.
pub(crate) fn part(row: usize, rows: usize) -> &'static str {
    match row * 10 / rows {
        0..=6 => "train",
        7 => "validate",
        8 => "left_out",
        _ => "test",
    }
}

pub(crate) fn write(folder: &Path, table: &Table) -> PathBuf {
    let slices: Vec<Option<&str>> = table.category.clone();
    let columns: [(&str, ArrayRef); 5] = [
        (table.number_name, Arc::new(Float64Array::from(table.number.clone()))),
        ("category", Arc::new(StringArray::from(table.category.clone()))),
        (columns::LABEL, Arc::new(BooleanArray::from(table.label.clone()))),
        (columns::PART, Arc::new(StringArray::from(table.part.clone()))),
        ("__slice.category", Arc::new(StringArray::from(slices))),
    ];
    write_columns(folder, columns)
}

/// Writes columns as examples.
pub(crate) fn write_columns<'a>(folder: &Path, columns: impl IntoIterator<Item = (&'a str, ArrayRef)>) -> PathBuf {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let path = folder.join("examples.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

/// libtorch has one random generator a process, as a worker trains one model: tests that train take turns.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn call(name: &str, args: &[(&str, Value)]) -> Call {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Call { name: name.to_owned(), args }
}

/// Holds what was reported of truth values against probabilities.
pub(crate) fn hold(reported: &Scores, labels: &[bool], probabilities: &[f64]) {
    let judged = Judged::new(Task::Binary, Truth::Binary(labels), probabilities, 1).unwrap();
    let usual = mlsys_metrics::defaults(Task::Binary);
    assert!(reported.0.len() >= usual.len());
    for metric in usual {
        assert_eq!(reported.of(&metric), mlsys_metrics::value(&metric, &judged, None), "{metric}");
    }
}

/// Holds what two trainings have left against each other, file by file; what is told of them has times in it.
pub(crate) fn same_model(left: &TrainJob, right: &TrainJob) {
    let files = |job: &TrainJob| {
        let names =
            std::fs::read_dir(&job.output).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "report.json").collect::<std::collections::BTreeSet<String>>()
    };
    assert_eq!(files(left), files(right));
    for file in files(left) {
        let read = |job: &TrainJob| std::fs::read(job.output.join(&file)).unwrap();
        assert!(read(left) == read(right), "{file} differs");
    }
}

/// A job that is done on one, two and four threads learns the same.
pub(crate) fn same_on_any_threads(prepared: impl Fn(&Path) -> TrainJob) {
    let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
    let done = folders.iter().zip([1, 2, 4]).map(|(folder, threads)| {
        let mut job = prepared(folder.path());
        job.threads = Some(threads);
        job.train.training.batch = 2048;
        job.train.training.epochs = 4;
        mlsys_torch::train(&job, &mut |_| {}).unwrap();
        job
    });
    let jobs: Vec<TrainJob> = done.collect();
    same_model(&jobs[0], &jobs[1]);
    same_model(&jobs[0], &jobs[2]);
}

pub(crate) fn input(name: &str, ty: ValueType) -> ModelInput {
    ModelInput { name: name.to_owned(), ty, encoder: None }
}

pub(crate) fn hidden(widths: &[i64]) -> (&'static str, Value) {
    ("hidden", Value::List(widths.iter().map(|width| Value::Int(*width)).collect()))
}

pub(crate) fn job(folder: &Path, table: &Table) -> TrainJob {
    let inputs = vec![input("number", Type::Float64.optional()), input("category", Type::String.optional())];
    let mut job = job_on(folder, write(folder, table), Task::Binary, inputs);
    job.train.impute = Some(Impute { strategy: ImputeStrategy::Median, indicator: true });
    job.train.learner = call("mlp", &[hidden(&[16]), ("dropout", Value::Float(0.1))]);
    job.train.training.stop_early = Some(StopEarly { patience: 5, part: Part::Validate, metric: call("auc", &[]) });
    job
}

/// A job on written examples: an MLP of 16, 30 epochs.
pub(crate) fn job_on(folder: &Path, examples: PathBuf, task: Task, inputs: Vec<ModelInput>) -> TrainJob {
    TrainJob {
        train: Train {
            model: "toy".to_owned(),
            task,
            label: Some("label".to_owned()),
            inputs,
            impute: None,
            learner: call("mlp", &[hidden(&[16])]),
            training: Training {
                optimizer: call("adam", &[("lr", Value::Float(0.01))]),
                epochs: 30,
                batch: 64,
                loss: None,
                stop_early: None,
                seed: 3,
                settings: Vec::new(),
            },
            tune: None,
            calibrate: None,
            gates: Vec::new(),
            behaviours: Vec::new(),
        },
        examples: vec![vec![examples]],
        output: folder.join("model"),
        checkpoints: None,
        module: None,
        threads: Some(1),
    }
}
