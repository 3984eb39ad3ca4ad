//! Modules of PyTorch: trained here with everything that they keep, only run, read back, and refused where they do not fit.
//!
//! The modules are scripted by PyTorch itself: `modules/make.py` makes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use mlsys_plan::{Call, ModelInput, Part, Task, Type, Value, columns};
use mlsys_torch::{Answer, Examples, Model, train};
use mlsys_training::{TrainEvent, TrainJob, TrainReport};
use tch::{CModule, Kind, Tensor};
use toy::{call, hold, job, job_on, part, same_model, same_on_any_threads, table, turn, write_columns};

fn module(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/modules").join(name)
}

/// A job that trains a module on the usual table: a number with an indicator, and one of three categories, seven columns.
fn module_job(folder: &Path, rows: usize, file: PathBuf) -> TrainJob {
    let mut job = job(folder, &table(rows));
    job.train.learner = learner(true);
    job.module = Some(file);
    job
}

fn learner(train: bool) -> Call {
    call("torchscript", &[("path", Value::String("net.pt".to_owned())), ("train", Value::Bool(train))])
}

fn losses(report: &TrainReport) -> Vec<u64> {
    report.epochs.iter().map(|epoch| epoch.loss.to_bits()).collect()
}

#[test]
fn a_module_learns_and_is_read_back_the_same() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (table, job) = (table(3000), module_job(folder.path(), 3000, module("normalised.pt")));
    let report = train(&job, &mut |_| {}).unwrap();
    assert!(report.parts[&Part::Test].metrics.get("auc").unwrap() > 0.97, "{:?}", report.parts[&Part::Test].metrics);
    // The scale does not require a gradient.
    assert_eq!(report.parameters, 7 * 16 + 16 + 1);
    assert_eq!(report.inputs[1].encoder, "one_hot(3 values)");
    assert!(report.importance.len() == 2 && report.importance[0].worse > 0.0);

    let test: Vec<usize> = (0..3000).filter(|&row| table.part[row] == "test").collect();
    let examples = Examples::read(&job.examples).unwrap();
    let probabilities = Model::load(&job.output).unwrap().predict(&examples, &test).unwrap();
    let labels: Vec<bool> = test.iter().map(|&row| table.label[row]).collect();
    hold(&report.parts[&Part::Test].metrics, &labels, &probabilities);

    // What was not to be learnt is as it was, and the file is about as large as the one that was given.
    let kept = CModule::load(job.output.join("model.pt")).unwrap();
    let parameters = kept.named_parameters().unwrap();
    let scale = &parameters.iter().find(|(name, _)| name == "scale").unwrap().1;
    assert!(scale == &Tensor::full([16], 1.5, (Kind::Float, tch::Device::Cpu)) && !scale.requires_grad());
    let size = |path: PathBuf| std::fs::metadata(path).unwrap().len();
    assert!(size(job.output.join("model.pt")) < 2 * size(module("normalised.pt")));
}

/// A module sees its batch as a whole, and nothing of it is divided among threads.
#[test]
fn the_number_of_threads_changes_nothing() {
    let _turn = turn();
    same_on_any_threads(|folder| module_job(folder, 4000, module("normalised.pt")));
}

/// Running means and what dropout leaves out are those of a training that was never cut off.
#[test]
fn a_training_that_was_cut_off_ends_at_the_same_model() {
    let _turn = turn();
    let (left, right) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let prepared = |folder: &Path| {
        let mut job = module_job(folder, 1000, module("normalised.pt"));
        job.train.training.settings.push(call("checkpoint", &[("every", Value::Duration(0))]));
        job.train.training.epochs = 5;
        job
    };
    let whole = prepared(left.path());
    let expected = train(&whole, &mut |_| {}).unwrap();

    let mut cut = prepared(right.path());
    cut.checkpoints = Some(right.path().join("checkpoints"));
    let (file, kept) = (right.path().join("checkpoints/training.safetensors"), right.path().join("kept.safetensors"));
    train(&cut, &mut |event| {
        if matches!(event, TrainEvent::Epoch(report) if report.epoch == 3) {
            std::fs::copy(&file, &kept).unwrap();
        }
    })
    .unwrap();
    std::fs::copy(&kept, &file).unwrap();
    std::fs::remove_dir_all(&cut.output).unwrap();
    let mut epochs = Vec::new();
    let found = train(&cut, &mut |event| {
        if let TrainEvent::Epoch(report) = event {
            epochs.push(report.epoch);
        }
    })
    .unwrap();
    assert_eq!(epochs, [3, 4, 5], "the epochs before are not done again");
    assert_eq!(losses(&found), losses(&expected));
    assert_eq!(found.parts, expected.parts);
    same_model(&whole, &cut);
}

/// Running means are kept with the weights that they belong to: a longer training whose best epoch is an early one ends at the
/// model of a training that ended there.
#[test]
fn the_best_epoch_is_kept_with_all_that_is_its_own() {
    let _turn = turn();
    let (long, short) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let prepared = |folder: &Path, epochs: u32| {
        let mut job = module_job(folder, 1000, module("normalised.pt"));
        job.train.training.optimizer = call("adam", &[("lr", Value::Float(0.3))]);
        job.train.training.epochs = epochs;
        job
    };
    let longer = prepared(long.path(), 12);
    let report = train(&longer, &mut |_| {}).unwrap();
    assert!(report.best_epoch < report.epochs.last().unwrap().epoch, "best epoch {}", report.best_epoch);
    let shorter = prepared(short.path(), report.best_epoch);
    assert_eq!(train(&shorter, &mut |_| {}).unwrap().parts, report.parts);
    same_model(&longer, &shorter);
}

#[derive(serde::Deserialize)]
struct Python {
    rows: Vec<[f64; 2]>,
    answers: Vec<f64>,
}

/// Two raw numbers and a label of any type, eight rows of each of three parts.
fn two_numbers(folder: &Path, rows: &[[f64; 2]], label: ArrayRef, task: Task) -> TrainJob {
    let raw = |name: &str| ModelInput { encoder: Some(call("raw", &[])), ..toy::input(name, Type::Float64.required()) };
    let column = |at: usize| Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row[at]))) as ArrayRef;
    let parts = (0..rows.len()).map(|row| ["train", "validate", "test"][row * 3 / rows.len()]);
    let path = write_columns(
        folder,
        [
            ("left", column(0)),
            ("right", column(1)),
            (columns::LABEL, label),
            (columns::PART, Arc::new(StringArray::from_iter_values(parts)) as ArrayRef),
        ],
    );
    job_on(folder, path, task, vec![raw("left"), raw("right")])
}

/// What was learnt elsewhere answers as it does in Python, in its own unit.
#[test]
fn a_module_that_is_only_run_answers_as_in_python() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let python: Python = serde_json::from_slice(&std::fs::read(module("given.json")).unwrap()).unwrap();
    let rows: Vec<[f64; 2]> = python.rows.iter().cycle().take(24).copied().collect();
    // The label is the answer, off by one.
    let labels: Vec<f64> = python.answers.iter().cycle().take(24).map(|answer| answer + 1.0).collect();
    let mut job = two_numbers(folder.path(), &rows, Arc::new(Float64Array::from(labels)), Task::Regression);
    (job.train.learner, job.module) = (learner(false), Some(module("given.pt")));
    let report = train(&job, &mut |_| {}).unwrap();
    assert_eq!((report.parameters, report.best_epoch, report.epochs.len()), (0, 1, 1));
    assert!((report.epochs[0].loss - 1.0).abs() < 1e-3, "{:?}", report.epochs);
    assert!((report.parts[&Part::Test].metrics.get("mae").unwrap() - 1.0).abs() < 1e-4);
    let model = Model::load(&job.output).unwrap();
    let read = Examples::read(&job.examples).unwrap();
    let answers = model.predict(&read, &(0..8).collect::<Vec<_>>()).unwrap();
    for (answer, expected) in answers.iter().zip(&python.answers) {
        assert!((answer - expected).abs() < 1e-6, "{answer} {expected}");
    }
}

/// What a module does to the rows that it is given stays with it: they are read a second time.
#[test]
fn rows_are_given_away_as_copies() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<[f64; 2]> = (0..30).map(|row| [f64::from(row), f64::from(row % 7)]).collect();
    let labels = Arc::new(Float64Array::from_iter_values((0..30).map(f64::from)));
    let mut job = two_numbers(folder.path(), &rows, labels, Task::Regression);
    let in_place = |rows: &[Tensor]| {
        let mut rows = rows[0].shallow_clone();
        rows.multiply_scalar_(2).sum_dim_intlist(1, false, Kind::Float)
    };
    (job.train.learner, job.module) = (learner(false), Some(traced(folder.path(), 2, "in-place.pt", in_place)));
    let report = train(&job, &mut |_| {}).unwrap();
    let error = report.parts[&Part::Train].metrics.get("rmse").unwrap();
    assert!((error.powi(2) - report.epochs[0].loss).abs() < 1e-3, "{error} {}", report.epochs[0].loss);
}

#[test]
fn a_module_learns_classes() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<[f64; 2]> =
        (0..900).map(|row| [f64::from(row % 17) / 8.0 - 1.0, f64::from(row % 23) / 11.0 - 1.0]).collect();
    let class = |row: &[f64; 2]| if row[0] > 0.3 { "red" } else { ["blue", "green"][usize::from(row[1] > 0.0)] };
    let labels = Arc::new(StringArray::from_iter_values(rows.iter().map(class)));
    let mut job = two_numbers(folder.path(), &rows, labels, Task::Multiclass);
    (job.train.learner, job.module) = (learner(true), Some(module("classes.pt")));
    let report = train(&job, &mut |_| {}).unwrap();
    assert!(
        report.parts[&Part::Test].metrics.get("accuracy").unwrap() > 0.93,
        "{:?}",
        report.parts[&Part::Test].metrics
    );
    let names = ["blue", "green", "red"].map(str::to_owned).to_vec();
    assert_eq!(Model::load(&job.output).unwrap().answer(), Answer::Classes(names));
}

/// A module without parameters, traced here.
fn traced(folder: &Path, width: i64, name: &str, forward: impl Fn(&[Tensor]) -> Tensor) -> PathBuf {
    let rows = [Tensor::ones([2, width], (Kind::Float, tch::Device::Cpu))];
    let path = folder.join(name);
    CModule::create_by_tracing("Traced", "forward", &rows, &mut |rows: &[Tensor]| vec![forward(rows)])
        .unwrap()
        .save(&path)
        .unwrap();
    path
}

#[test]
fn modules_that_do_not_fit_are_refused() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text.pt");
    std::fs::write(&text, "no archive").unwrap();
    let sum = |rows: &[Tensor]| rows[0].sum_dim_intlist(1, true, Kind::Float);
    let of_sum = traced(folder.path(), 7, "sum.pt", sum);
    let double = traced(folder.path(), 7, "double.pt", |rows| sum(rows).to_kind(Kind::Double));
    let random = traced(folder.path(), 7, "random.pt", |rows| sum(&[rows[0].dropout(0.5, true)]));
    let cases: [(bool, PathBuf, &[&str]); 12] = [
        (true, folder.path().join("nothing.pt"), &["`net.pt` cannot be read"]),
        (true, text, &["is no TorchScript", "torch.jit.script(module).save("]),
        (true, module("state.pt"), &["is no TorchScript that libtorch reads", "torch.jit.script(module).save("]),
        (true, module("doubled.pt"), &["parameter `weight` of type float64", "module.float()"]),
        (true, module("raises.pt"), &["raised an exception", "one row at a time, please"]),
        (
            true,
            module("given.pt"),
            &["raised an exception", "float32[2, 7]", "`number` 2, `category` 5", "float32[2, 1]"],
        ),
        (true, module("detached.pt"), &["no gradient flows", "`detach`", "train: false"]),
        (true, of_sum, &["no parameter that requires a gradient", "train: false"]),
        (false, double, &["returns float64[2, 1] for 2 rows, not float32[2, 1]", "the logit that the label holds"]),
        (false, module("two.pt"), &["does not return a tensor"]),
        (false, random, &["draws by chance in evaluation mode"]),
        (true, module("classes.pt"), &["raised an exception", "float32[2, 7]"]),
    ];
    for (trained, file, expected) in cases {
        let mut job = module_job(folder.path(), 500, file.clone());
        job.train.learner = learner(trained);
        let error = train(&job, &mut |_| {}).unwrap_err();
        let message = error.to_string();
        assert_eq!(error.code(), "E0935", "{message}");
        for part in expected {
            assert!(message.contains(part), "{}: {message}", file.display());
        }
        assert!(!message.contains('\n') && !job.output.exists(), "{message}");
    }
}

#[test]
fn what_a_module_cannot_read_is_refused() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = module_job(folder.path(), 500, module("normalised.pt"));
    job.train.inputs[1].encoder = Some(call("embedding", &[]));
    let error = train(&job, &mut |_| {}).unwrap_err();
    assert!(error.code() == "E0910" && error.to_string().contains("`category`"), "{error}");
    job.train.inputs[1].encoder = None;
    job.train.training.settings.push(call("precision", &[("value", Value::Call(call("bf16", &[])))]));
    let error = train(&job, &mut |_| {}).unwrap_err();
    assert!(error.code() == "E0935" && error.to_string().contains("leave out `precision`"), "{error}");
}

/// A module that only one thread may look at while another one reads it is no trouble: parts of a part are predicted alike.
#[test]
fn rows_are_predicted_alike_however_they_are_divided() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = module_job(folder.path(), 600, module("normalised.pt"));
    job.train.training.epochs = 2;
    assert_eq!(part(0, 600), "train");
    train(&job, &mut |_| {}).unwrap();
    let (model, read) = (Model::load(&job.output).unwrap(), Examples::read(&job.examples).unwrap());
    let whole = model.predict(&read, &(0..600).collect::<Vec<_>>()).unwrap();
    for row in [0, 17, 599] {
        let alone = model.predict(&read, &[row]).unwrap()[0];
        assert!((alone - whole[row]).abs() < 1e-6, "{row}: {alone} {}", whole[row]);
    }
}
