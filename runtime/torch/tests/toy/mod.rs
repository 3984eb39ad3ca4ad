//! A table of which the label follows from a number and a category, and a job on it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{ArrayRef, BooleanArray, Float64Array, RecordBatch, StringArray};
use mlsys_plan::{
    Call, Impute, ImputeStrategy, ModelInput, Part, StopEarly, Task, Train, Training, Type, Value, columns,
};
use mlsys_training::TrainJob;
use parquet::arrow::ArrowWriter;

/// Rows of which the label follows from a number and a category, with values missing here and there.
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
        table.part.push(match row * 10 / rows {
            0..=6 => "train",
            7 => "validate",
            8 => "left_out",
            _ => "test",
        });
    }
    table
}

pub(crate) fn write(folder: &Path, table: &Table) -> PathBuf {
    let slices: Vec<Option<&str>> = table.category.clone();
    let batch = RecordBatch::try_from_iter([
        (table.number_name, Arc::new(Float64Array::from(table.number.clone())) as ArrayRef),
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
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn call(name: &str, args: &[(&str, Value)]) -> Call {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Call { name: name.to_owned(), args }
}

pub(crate) fn job(folder: &Path, table: &Table) -> TrainJob {
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
        examples: vec![vec![write(folder, table)]],
        output: folder.join("model"),
        threads: Some(1),
    }
}
