//! Training on small tables: what is learnt, what is fitted on, what is kept.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use mlsys_plan::{
    Call, Impute, ImputeStrategy, Metric, ModelInput, Part, StopEarly, Task, Train, Training, Type, Value, columns,
};
use mlsys_torch::{Examples, Model, TrainError, train};
use mlsys_training::{TrainEvent, TrainJob};
use parquet::arrow::ArrowWriter;

/// Rows of which the label follows from a number and a category, with values missing here and there.
struct Table {
    number: Vec<Option<f64>>,
    category: Vec<Option<&'static str>>,
    label: Vec<bool>,
    part: Vec<&'static str>,
}

fn table(rows: usize) -> Table {
    let mut table = Table { number: vec![], category: vec![], label: vec![], part: vec![] };
    for row in 0..rows {
        let number = f64::from(u32::try_from(row * 37 % 101).unwrap()) / 50.0 - 1.0;
        let category = ["a", "b", "c"][row * 7 % 3];
        table.label.push(number + if category == "a" { 0.8 } else { -0.2 } > 0.1);
        table.number.push((row % 11 != 0).then_some(number));
        table.category.push((row % 13 != 0).then_some(category));
        table.part.push(match row * 10 / rows {
            0..=6 => "train",
            7 => "validate",
            8 => "left_out",
            _ => "test",
        });
    }
    table
}

fn write(folder: &Path, table: &Table) -> PathBuf {
    let slices: Vec<Option<&str>> = table.category.clone();
    let batch = RecordBatch::try_from_iter([
        ("number", Arc::new(Float64Array::from(table.number.clone())) as ArrayRef),
        ("category", Arc::new(StringArray::from(table.category.clone())) as ArrayRef),
        (columns::LABEL, Arc::new(BooleanArray::from(table.label.clone())) as ArrayRef),
        (columns::PART, Arc::new(StringArray::from(table.part.clone())) as ArrayRef),
        ("__slice.category", Arc::new(StringArray::from(slices)) as ArrayRef),
    ])
    .unwrap();
    let path = folder.join("examples.parquet");
    let mut writer = ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path
}

/// libtorch has one random generator a process, as a worker trains one model: tests that train take turns.
fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn job(folder: &Path, table: &Table) -> TrainJob {
    let call = |name: &str, args: &[(&str, Value)]| Call {
        name: name.to_owned(),
        args: args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
    };
    TrainJob {
        train: Train {
            model: "toy".to_owned(),
            task: Task::Binary,
            label: Some("label".to_owned()),
            inputs: vec![
                ModelInput { name: "number".to_owned(), ty: Type::Float64.optional() },
                ModelInput { name: "category".to_owned(), ty: Type::String.optional() },
            ],
            impute: Some(Impute { strategy: ImputeStrategy::Median, indicator: true }),
            learner: call("mlp", &[("hidden", Value::List(vec![Value::Int(16)])), ("dropout", Value::Float(0.1))]),
            training: Training {
                optimizer: call("adam", &[("lr", Value::Float(0.01))]),
                epochs: 30,
                batch: 64,
                loss: None,
                stop_early: Some(StopEarly { patience: 5, part: Part::Validate, metric: call("auc", &[]) }),
                seed: 3,
                settings: Vec::new(),
            },
            tune: None,
            gates: Vec::new(),
        },
        examples: vec![write(folder, table)],
        output: folder.join("model"),
        threads: Some(1),
    }
}

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
    job.examples = vec![folder.path().join("nothing.parquet")];
    assert_eq!(train(&job, &mut |_| {}).unwrap_err().code(), "E0930");
}
