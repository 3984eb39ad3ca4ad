//! Labels, losses and predictions that are no numbers: each is told of by its place, and nothing is judged by it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use mlsys_plan::{Part, StopEarly, Task, Type, Value, columns};
use mlsys_torch::{judge, train};
use mlsys_training::{JudgeJob, TrainEvent, TrainJob};
use tch::Tensor;
use toy::{call, hidden, input, job, job_on, part, table, turn, write_columns};

const ROWS: usize = 400;

/// A number, and twice that number as the label.
fn numbers(folder: &Path, change: impl Fn(&mut Vec<f64>, &mut Vec<f64>)) -> TrainJob {
    let mut input_values: Vec<f64> = (0..ROWS).map(|row| ((row * 37 % 101) as f64) / 50.0 - 1.0).collect();
    let mut labels: Vec<f64> = input_values.iter().map(|value| value * 2.0).collect();
    change(&mut input_values, &mut labels);
    let columns: [(&str, ArrayRef); 3] = [
        ("number", Arc::new(Float64Array::from(input_values))),
        (columns::LABEL, Arc::new(Float64Array::from(labels))),
        (columns::PART, Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| part(row, ROWS))))),
    ];
    let inputs = vec![input("number", Type::Float64.required())];
    job_on(folder, write_columns(folder, columns), Task::Regression, inputs)
}

#[test]
fn a_label_that_is_no_number_is_refused_by_its_row() {
    let _turn = turn();
    for (bad, row) in [(f64::NAN, 3), (f64::INFINITY, 3), (1e39, 3), (f64::NAN, ROWS - 1)] {
        for learner in [call("mlp", &[hidden(&[4])]), call("trees", &[("rounds", Value::Int(3))])] {
            let folder = tempfile::tempdir().unwrap();
            let mut job = numbers(folder.path(), |_, labels| labels[row] = bad);
            job.train.learner = learner;
            let error = train(&job, &mut |_| {}).unwrap_err();
            assert_eq!(error.code(), "E0931");
            assert!(error.to_string().contains(&format!("the label of row {} of", row + 1)), "{error}");
        }
    }
}

#[test]
fn a_loss_that_is_no_number_ends_training_at_once() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = numbers(folder.path(), |_, _| {});
    job.train.training.optimizer = call("sgd", &[("lr", Value::Float(1e30))]);
    job.checkpoints = Some(folder.path().join("checkpoints"));
    let mut epochs = 0;
    let error = train(&job, &mut |event| epochs += usize::from(matches!(event, TrainEvent::Epoch(_)))).unwrap_err();
    assert_eq!((error.code(), epochs), ("E0932", 0), "{error}");
    for word in ["epoch 1", "learning rate", "`clip`", "inputs"] {
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
    assert!(!job.output.exists(), "a model was left");
}

/// Weights that are no numbers, as a last step can leave them.
fn spoil(model: &Path) {
    let path = model.join("model.safetensors");
    let weights = Tensor::read_safetensors(&path).unwrap();
    let spoilt: Vec<(String, Tensor)> =
        weights.into_iter().map(|(name, tensor)| (name, tensor.full_like(f64::NAN))).collect();
    Tensor::write_safetensors(&spoilt, &path).unwrap();
}

#[test]
fn a_model_that_predicts_no_number_is_not_judged() {
    let _turn = turn();
    let calibrated = |folder: &Path| {
        let mut calibrated = job(folder, &table(600));
        calibrated.train.calibrate = Some(call("isotonic", &[]));
        calibrated
    };
    let anomalies = |folder: &Path| {
        let mut anomalies = numbers(folder, |_, _| {});
        (anomalies.train.task, anomalies.train.label) = (Task::Anomaly, None);
        anomalies.train.learner = call("autoencoder", &[]);
        anomalies
    };
    let jobs: [&dyn Fn(&Path) -> TrainJob; 4] =
        [&|folder| numbers(folder, |_, _| {}), &|folder| job(folder, &table(600)), &calibrated, &anomalies];
    for make in jobs {
        let folder = tempfile::tempdir().unwrap();
        let trained = make(folder.path());
        train(&trained, &mut |_| {}).unwrap();
        let judged = JudgeJob {
            train: trained.train.clone(),
            examples: trained.examples.clone(),
            model: trained.output.clone(),
            output: folder.path().join("judged.json"),
            threads: Some(1),
        };
        judge(&judged, &mut |_| {}).unwrap();
        std::fs::remove_file(&judged.output).unwrap();
        spoil(&trained.output);
        let error = judge(&judged, &mut |_| {}).unwrap_err();
        assert_eq!(error.code(), "E0932", "{error}");
        assert!(error.to_string().starts_with("the model predicts NaN for row 1 of the "), "{error}");
        assert!(!judged.output.exists(), "a report was left");
    }
}

/// Inputs of extreme size that only the validation part has.
#[test]
fn a_prediction_that_is_no_number_ends_training() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = numbers(folder.path(), |inputs, _| {
        (0..ROWS).filter(|row| part(*row, ROWS) == "validate").for_each(|row| inputs[row] = 1e300);
    });
    job.train.inputs[0].encoder = Some(call("raw", &[]));
    job.train.training.stop_early = Some(StopEarly { patience: 2, part: Part::Validate, metric: call("rmse", &[]) });
    let error = train(&job, &mut |_| {}).unwrap_err();
    assert_eq!(error.code(), "E0932", "{error}");
    assert!(error.to_string().contains(&format!("for row 1 of the {}", ROWS / 10)), "{error}");
}
