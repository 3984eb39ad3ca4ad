//! Prediction jobs: the same probabilities as the model gives, however rows are divided, and rows that get none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, Int64Type};
use mlsys_plan::columns;
use mlsys_torch::{Examples, Model, predict, train};
use mlsys_training::{Carried, PredictJob, Stamp, TrainEvent};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use toy::{job, table, turn};

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, one)| (name, one, true)));
    let batch = batch.unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    path.to_owned()
}

fn read(path: &Path) -> RecordBatch {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let schema = builder.schema().clone();
    let batches: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    concat_batches(&schema, &batches).unwrap()
}

/// A trained model, and its rows as two tables: one in files of 700, 0 and 300 rows, the other one in one file.
struct Rows {
    folder: tempfile::TempDir,
    job: PredictJob,
    expected: Vec<f64>,
}

fn rows() -> Rows {
    let folder = tempfile::tempdir().unwrap();
    let table = table(1000);
    let trained = job(folder.path(), &table);
    train(&trained, &mut |_| {}).unwrap();
    let examples = Examples::read(&trained.examples).unwrap();
    let all: Vec<usize> = (0..1000).collect();
    let expected = Model::load(&trained.output).unwrap().predict(&examples, &all).unwrap();
    let numbers: ArrayRef = Arc::new(Float64Array::from(table.number.clone()));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let instants: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(0..1000).with_timezone("UTC"));
    let piece = |name: &str, start: usize, length: usize| {
        let columns = [("number", &numbers), ("__row.id", &ids), (columns::AT, &instants)]
            .map(|(name, column)| (name, column.slice(start, length)));
        write(&folder.path().join(name), columns.to_vec())
    };
    let first = vec![piece("a.parquet", 0, 700), piece("b.parquet", 700, 0), piece("c.parquet", 700, 300)];
    let categories: ArrayRef = Arc::new(StringArray::from(table.category));
    let second = vec![write(&folder.path().join("d.parquet"), vec![("category", categories)])];
    let output = |name: &str| folder.path().join(name);
    let job = PredictJob {
        model: trained.output,
        rows: vec![first, second],
        required: Vec::new(),
        carried: vec![Carried { from: "__row.id".to_owned(), to: "id".to_owned() }],
        stamp: Stamp { model: "toy".to_owned(), version: 3, scored_at: 7 },
        outputs: vec![output("x.parquet"), output("y.parquet"), output("z.parquet")],
        threads: Some(1),
    };
    Rows { folder, job, expected }
}

#[test]
fn predictions_are_the_models_own() {
    let _turn = turn();
    let Rows { folder: _folder, job, expected } = rows();
    let mut events = Vec::new();
    assert_eq!(predict(&job, &mut |event| events.push(event.clone())).unwrap(), 1000);
    assert_eq!(events.last(), Some(&TrainEvent::Done));
    assert!(events.contains(&TrainEvent::Predicted { rows: 1000, total: 1000 }));
    let written: Vec<RecordBatch> = job.outputs.iter().map(|path| read(path)).collect();
    assert_eq!(written.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [700, 0, 300]);
    let whole = concat_batches(&written[0].schema(), &written).unwrap();
    let names: Vec<String> = whole.schema().fields().iter().map(|field| field.name().clone()).collect();
    assert_eq!(names, ["id", "prediction", "model", "version", "scored_at"]);
    let predictions = whole.column(1).as_primitive::<Float64Type>();
    for (row, expected) in expected.iter().enumerate() {
        assert!((predictions.value(row) - expected).abs() < 1e-6, "{row}");
        assert_eq!(whole.column(0).as_primitive::<Int64Type>().value(row), row as i64);
    }
    assert_eq!(
        (whole.column(2).as_string::<i32>().value(9), whole.column(3).as_primitive::<Int64Type>().value(9)),
        ("toy", 3)
    );
}

/// A row that lacks an input which was never missing before has no prediction, and one that is left out is not there.
#[test]
fn rows_may_have_no_prediction() {
    let _turn = turn();
    let Rows { folder, mut job, .. } = rows();
    job.required = vec!["category".to_owned()];
    let parts: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..1000).map(|row| if row < 600 { columns::LEFT_OUT } else { "test" }),
    ));
    job.rows.push(vec![write(&folder.path().join("e.parquet"), vec![(columns::PART, parts)])]);
    assert_eq!(predict(&job, &mut |_| {}).unwrap(), 400);
    let first = read(&job.outputs[0]);
    assert_eq!((first.num_rows(), first.column(0).as_primitive::<Int64Type>().value(0)), (100, 600));
    // Every thirteenth row has no category.
    let missing = (600..700).filter(|row| row % 13 == 0).count();
    assert_eq!(first.column(1).null_count(), missing);
}

#[test]
fn what_cannot_be_predicted_is_told() {
    let _turn = turn();
    let Rows { folder, job, .. } = rows();
    let lost = PredictJob { model: folder.path().join("nothing"), ..job.clone() };
    assert_eq!(predict(&lost, &mut |_| {}).unwrap_err().code(), "E0933");
    let short = PredictJob { rows: vec![job.rows[0].clone(), vec![job.rows[0][2].clone()]], ..job.clone() };
    assert_eq!(predict(&short, &mut |_| {}).unwrap_err().code(), "E0930");
    let nowhere = PredictJob { outputs: vec![folder.path().join("no/x.parquet"); 3], ..job };
    assert_eq!(predict(&nowhere, &mut |_| {}).unwrap_err().code(), "E0911");
}
