//! Every task and every learner on small tables: they learn what is there, and are read back the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

mod toy;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray};
use arrow::datatypes::{Float64Type, Int64Type};
use mlsys_plan::{Call, ModelInput, Part, Task, Type, Value, columns};
use mlsys_torch::{Answer, Examples, Model, train};
use mlsys_training::{TrainJob, TrainReport};
use toy::{call, hidden, input, job_on, part, turn, write_columns};

const ROWS: usize = 2400;

/// Numbers that are the same in every run.
fn numbers(seed: usize) -> Vec<f64> {
    (0..ROWS).map(|row| (((row * 7919 + seed * 104_729) % 10_007) as f64) / 5003.5 - 1.0).collect()
}

fn parts() -> ArrayRef {
    Arc::new(StringArray::from_iter_values((0..ROWS).map(|row| part(row, ROWS))))
}

/// Two numbers, a category, and a label.
fn examples(folder: &Path, label: impl Fn(f64, f64, &str) -> f64, kind: impl Fn(Vec<f64>) -> ArrayRef) -> PathBuf {
    let (left, right) = (numbers(1), numbers(2));
    let shop: Vec<&str> = (0..ROWS).map(|row| ["a", "b", "c", "d"][row * 31 % 4]).collect();
    let labels = (0..ROWS).map(|row| label(left[row], right[row], shop[row])).collect();
    write_columns(
        folder,
        [
            ("left", Arc::new(Float64Array::from(left)) as ArrayRef),
            ("right", Arc::new(Float64Array::from(right))),
            ("shop", Arc::new(StringArray::from(shop))),
            (columns::LABEL, kind(labels)),
            (columns::PART, parts()),
            (columns::GROUP, Arc::new(Int64Array::from_iter_values((0..ROWS as i64).map(|row| row / 6)))),
        ],
    )
}

fn inputs() -> Vec<ModelInput> {
    vec![
        input("left", Type::Float64.required()),
        input("right", Type::Float64.required()),
        input("shop", Type::String.required()),
    ]
}

fn truths(labels: Vec<f64>) -> ArrayRef {
    Arc::new(BooleanArray::from_iter(labels.into_iter().map(|label| Some(label > 0.0))))
}

fn floats(labels: Vec<f64>) -> ArrayRef {
    Arc::new(Float64Array::from(labels))
}

/// A product of two numbers, and a shift by category: nothing that a line could say.
fn crossed(left: f64, right: f64, shop: &str) -> f64 {
    left * right * 2.0 + if shop == "a" { 0.3 } else { -0.1 }
}

fn score(report: &TrainReport, metric: &str) -> f64 {
    let metrics = &report.parts[&Part::Test].metrics;
    metrics.get(metric).unwrap_or_else(|| panic!("{metric} is not among {metrics:?}"))
}

/// Trains, and holds the model as it is read back against what was reported.
fn trained(job: &TrainJob) -> (TrainReport, Model) {
    let report = train(job, &mut |_| {}).unwrap();
    let model = Model::load(&job.output).unwrap();
    let read = Examples::read(&job.examples).unwrap();
    let predictions = model.predict(&read, &(0..read.rows()).collect::<Vec<_>>()).unwrap();
    assert!(predictions.iter().all(|prediction| prediction.is_finite()));
    (report, model)
}

#[test]
fn every_learner_of_tables_learns_what_is_crossed() {
    let _turn = turn();
    let learners: [(Call, f64); 5] = [
        (call("mlp", &[hidden(&[32, 16])]), 0.97),
        (call("dcn", &[("cross", Value::Int(2)), hidden(&[16])]), 0.97),
        (call("wide_and_deep", &[hidden(&[32, 16])]), 0.97),
        (call("factorization_machine", &[("dim", Value::Int(4))]), 0.97),
        // A line cannot see the product: that it learns the rest, and no more, is what it should do.
        (call("linear", &[]), 0.55),
    ];
    for (learner, least) in learners.into_iter().chain([(call("trees", &[("rounds", Value::Int(60))]), 0.97)]) {
        let folder = tempfile::tempdir().unwrap();
        let mut job = job_on(folder.path(), examples(folder.path(), crossed, truths), Task::Binary, inputs());
        job.train.learner = learner.clone();
        let (report, model) = trained(&job);
        assert!(score(&report, "auc") >= least, "{}: {:?}", learner.name, report.parts[&Part::Test].metrics);
        assert_eq!(model.answer(), Answer::Probability);
        let first = report.importance.first().unwrap();
        assert!(report.importance.len() == 3 && first.worse > 0.0, "{:?}", report.importance);
    }
}

#[test]
fn classes_are_told_apart() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let class = |left: f64, right: f64, _: &str| {
        if left > 0.3 {
            0.0
        } else if right > 0.0 {
            1.0
        } else {
            2.0
        }
    };
    let texts = |labels: Vec<f64>| {
        let names = labels.into_iter().map(|label| ["red", "green", "blue"][label as usize]);
        Arc::new(StringArray::from_iter_values(names)) as ArrayRef
    };
    let mut job = job_on(folder.path(), examples(folder.path(), class, texts), Task::Multiclass, inputs());
    job.train.training.loss = Some(call("cross_entropy", &[("weights", Value::Call(call("balanced", &[])))]));
    let (report, model) = trained(&job);
    assert!(score(&report, "accuracy") > 0.93, "{:?}", report.parts[&Part::Test].metrics);
    let names = ["blue", "green", "red"].map(str::to_owned).to_vec();
    assert_eq!(model.answer(), Answer::Classes(names));
    let curves = report.parts[&Part::Test].curves.as_ref().unwrap();
    assert_eq!(curves.confusion.iter().flatten().sum::<u64>(), report.parts[&Part::Test].rows);
}

#[test]
fn numbers_are_met_in_their_own_unit() {
    let _turn = turn();
    let number = |left: f64, right: f64, shop: &str| 1000.0 + 200.0 * crossed(left, right, shop);
    for loss in ["squared_error", "absolute_error", "huber"] {
        let folder = tempfile::tempdir().unwrap();
        let mut job = job_on(folder.path(), examples(folder.path(), number, floats), Task::Regression, inputs());
        job.train.training.loss = Some(call(loss, &[("delta", Value::Float(50.0))]));
        job.train.learner = call("mlp", &[hidden(&[32, 16])]);
        let (report, model) = trained(&job);
        assert!(score(&report, "r2") > 0.95, "{loss}: {:?}", report.parts[&Part::Test].metrics);
        assert!(score(&report, "mape") < 0.05 && model.answer() == Answer::Number, "{loss}");
    }
}

#[test]
fn quantiles_hold_the_share_that_they_name() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let noise = numbers(9);
    let row = std::cell::Cell::new(0);
    let number = |left: f64, _: f64, _: &str| {
        row.set(row.get() + 1);
        left * 10.0 + noise[row.get() - 1]
    };
    let mut job = job_on(folder.path(), examples(folder.path(), number, floats), Task::Quantile, inputs());
    let quantiles = Value::List([0.1, 0.5, 0.9].map(Value::Float).to_vec());
    job.train.training.loss = Some(call("pinball", &[("quantiles", quantiles)]));
    job.train.training.epochs = 60;
    let (report, model) = trained(&job);
    assert_eq!(model.answer(), Answer::Quantiles(vec![0.1, 0.5, 0.9]));
    let metrics = &report.parts[&Part::Test].metrics;
    assert!(score(&report, "pinball") < 0.2 && score(&report, "mae") < 0.7, "{metrics:?}");
}

#[test]
fn groups_are_put_in_order() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let grade = |left: f64, right: f64, shop: &str| (crossed(left, right, shop) + 1.0).round().clamp(0.0, 2.0);
    let mut job = job_on(folder.path(), examples(folder.path(), grade, floats), Task::Ranking, inputs());
    job.train.learner = call("mlp", &[hidden(&[32, 16])]);
    let (report, _) = trained(&job);
    assert!(score(&report, "ndcg(k: 10)") > 0.95, "{:?}", report.parts[&Part::Test].metrics);
}

/// Where an item stands explains the label as well; what is learnt with it is how relevant the item itself is.
#[test]
fn what_is_predicted_without_is_explained_away() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (worth, noise) = (numbers(1), numbers(3));
    // Good items stand at the top, and what stands at the top is taken, good or not.
    let place: Vec<i64> = (0..ROWS).map(|row| ((1.0 - worth[row] + noise[row] * 0.8) * 2.0) as i64).collect();
    let taken = (0..ROWS).map(|row| worth[row] * 0.5 - place[row] as f64 * 0.5 + 0.6 + noise[(row * 7) % ROWS] * 0.4);
    let taken: Vec<f64> = taken.collect();
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("worth", floats(worth.clone())), (columns::LABEL, truths(taken)), (columns::PART, parts())];
    let slope = |columns: &[(&str, ArrayRef)]| {
        let path = write_columns(folder.path(), columns.to_vec());
        let inputs = vec![input("worth", Type::Float64.required())];
        let mut job = job_on(folder.path(), path, Task::Binary, inputs);
        job.train.learner = call("linear", &[]);
        let _ = std::fs::remove_dir_all(&job.output);
        let (_, model) = trained(&job);
        let read = Examples::read(&job.examples).unwrap();
        let order: Vec<usize> = [true, false]
            .map(|most| {
                (0..ROWS)
                    .max_by(|left, right| {
                        let order = worth[*left].total_cmp(&worth[*right]);
                        if most { order } else { order.reverse() }
                    })
                    .unwrap()
            })
            .to_vec();
        let ends = model.predict(&read, &order).unwrap();
        let logit = |p: f64| (p / (1.0 - p)).ln();
        logit(ends[0]) - logit(ends[1])
    };
    let biased = slope(&columns);
    columns.push((columns::DEBIAS, Arc::new(Int64Array::from(place))));
    let debiased = slope(&columns);
    assert!(debiased > 0.0 && debiased < 0.85 * biased, "{biased} {debiased}");
}

#[test]
fn what_is_unusual_is_restored_badly() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let (left, noise) = (numbers(1), numbers(3));
    // The second number follows from the first one, but in every hundredth row of the test part.
    let is_odd = |row: usize| part(row, ROWS) == "test" && row.is_multiple_of(100);
    let right = (0..ROWS).map(|row| if is_odd(row) { -3.0 } else { 2.0 * left[row] + noise[row] * 0.05 });
    let right: Vec<f64> = right.collect();
    let third: Vec<f64> = (0..ROWS).map(|row| left[row] - 0.5 * right[row]).collect();
    let path = write_columns(
        folder.path(),
        [("left", floats(left.clone())), ("right", floats(right)), ("third", floats(third)), (columns::PART, parts())],
    );
    let inputs = ["left", "right", "third"].map(|name| input(name, Type::Float64.required())).to_vec();
    let mut job = job_on(folder.path(), path, Task::Anomaly, inputs);
    job.train.label = None;
    job.train.learner = call("autoencoder", &[hidden(&[8, 1])]);
    job.train.training.epochs = 60;
    let (report, model) = trained(&job);
    let read = Examples::read(&job.examples).unwrap();
    let scores = model.predict(&read, &(0..ROWS).collect::<Vec<_>>()).unwrap();
    let test = (0..ROWS).filter(|row| part(*row, ROWS) == "test");
    let (odd, plain): (Vec<usize>, Vec<usize>) = test.partition(|row| is_odd(*row));
    let worst_plain = plain.iter().map(|row| scores[*row]).fold(f64::NEG_INFINITY, f64::max);
    assert!(odd.iter().all(|row| scores[*row] > worst_plain), "{worst_plain}");
    assert!(score(&report, "false_alarms") >= odd.len() as f64);
}

/// Whether the last of the numbers of a list is larger than the first: the mean does not say it, the order does.
fn in_order(folder: &Path, items: bool) -> PathBuf {
    let (first, last) = (numbers(4), numbers(5));
    let middle = numbers(6);
    let rising = (0..ROWS).map(|row| f64::from(u8::from(last[row] > first[row]))).collect();
    let lists: ArrayRef = if items {
        let item = |value: f64| Some(((value + 1.0) * 3.0) as i64);
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(
            (0..ROWS).map(|row| Some(vec![item(first[row]), item(middle[row]), item(last[row])])),
        ))
    } else {
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(
            (0..ROWS).map(|row| Some(vec![Some(first[row]), Some(middle[row]), Some(last[row])])),
        ))
    };
    write_columns(
        folder,
        [("history", lists), ("other", floats(middle)), (columns::LABEL, truths(rising)), (columns::PART, parts())],
    )
}

/// Every task that trees know, with a category, and read back from LightGBM's own format.
#[test]
fn trees_know_every_task_of_tables() {
    let _turn = turn();
    let trees = call("trees", &[("rounds", Value::Int(80)), ("depth", Value::Int(5))]);
    let number = |left: f64, right: f64, shop: &str| 1000.0 + 200.0 * crossed(left, right, shop);
    let class = |left: f64, right: f64, _: &str| {
        if left > 0.3 {
            0.0
        } else if right > 0.0 {
            1.0
        } else {
            2.0
        }
    };
    let grade = |left: f64, right: f64, shop: &str| (crossed(left, right, shop) + 1.0).round().clamp(0.0, 2.0);
    let texts = |labels: Vec<f64>| {
        let names = labels.into_iter().map(|label| ["red", "green", "blue"][label as usize]);
        Arc::new(StringArray::from_iter_values(names)) as ArrayRef
    };
    let judged = |task: Task, path: &dyn Fn(&Path) -> PathBuf, metric: &str, loss: Option<Call>| {
        let folder = tempfile::tempdir().unwrap();
        let mut job = job_on(folder.path(), path(folder.path()), task, inputs());
        job.train.learner = trees.clone();
        job.train.training.loss = loss;
        let (report, _) = trained(&job);
        assert!(job.output.join("model.txt").is_file() && report.parameters > 0);
        score(&report, metric)
    };
    let quantiles = Value::List([0.1, 0.5, 0.9].map(Value::Float).to_vec());
    let pinball = call("pinball", &[("quantiles", quantiles)]);
    let huber = call("huber", &[("delta", Value::Float(50.0))]);
    assert!(judged(Task::Multiclass, &|folder| examples(folder, class, texts), "accuracy", None) > 0.97);
    assert!(judged(Task::Regression, &|folder| examples(folder, number, floats), "r2", None) > 0.95);
    assert!(judged(Task::Regression, &|folder| examples(folder, number, floats), "r2", Some(huber)) > 0.9);
    assert!(judged(Task::Quantile, &|folder| examples(folder, number, floats), "pinball", Some(pinball)) < 10.0);
    assert!(judged(Task::Ranking, &|folder| examples(folder, grade, floats), "ndcg(k: 10)", None) > 0.95);
}

#[test]
fn learners_of_sequences_read_lists_in_order() {
    let _turn = turn();
    let sequence = ("sequence", Value::String("history".to_owned()));
    let learners = [
        call("gru", &[sequence.clone(), ("hidden", Value::Int(16))]),
        call(
            "transformer",
            &[sequence, ("hidden", Value::Int(16)), ("heads", Value::Int(2)), ("layers", Value::Int(1))],
        ),
    ];
    for learner in learners {
        for items in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let of = if items { Type::Int64 } else { Type::Float64 };
            let inputs =
                vec![input("history", Type::List(Box::new(of)).required()), input("other", Type::Float64.required())];
            let path = in_order(folder.path(), items);
            let mut job = job_on(folder.path(), path, Task::Binary, inputs);
            job.train.learner = learner.clone();
            let (report, _) = trained(&job);
            let auc = score(&report, "auc");
            assert!(auc > 0.9, "{} of {}: {auc}", learner.name, if items { "items" } else { "numbers" });
        }
    }
}

#[test]
fn probabilities_are_put_right() {
    let _turn = turn();
    for method in ["platt", "isotonic"] {
        let folder = tempfile::tempdir().unwrap();
        let noise = numbers(8);
        let row = std::cell::Cell::new(0);
        let label = |left: f64, _: f64, _: &str| {
            row.set(row.get() + 1);
            left + noise[row.get() - 1]
        };
        let mut job = job_on(folder.path(), examples(folder.path(), label, truths), Task::Binary, inputs());
        // Weighed positives make probabilities that are far too large.
        job.train.training.loss = Some(call("binary_cross_entropy", &[("positive_weight", Value::Float(20.0))]));
        job.train.training.epochs = 8;
        let (wrong, _) = trained(&job);
        job.train.calibrate = Some(call(method, &[]));
        std::fs::remove_dir_all(&job.output).unwrap();
        let (right, _) = trained(&job);
        let loss = |report: &TrainReport| score(report, "log_loss");
        assert!(loss(&right) < loss(&wrong) - 0.03, "{method}: {} {}", loss(&wrong), loss(&right));
        // A curve that never goes down changes no order, but for ties.
        assert!((score(&right, "auc") - score(&wrong, "auc")).abs() < 0.02, "{method}");
    }
}

/// The same rows, trained in half of the precision: close to what single precision learns.
#[test]
fn bf16_learns_as_well() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let mut job = job_on(folder.path(), examples(folder.path(), crossed, truths), Task::Binary, inputs());
    job.train.learner = call("mlp", &[hidden(&[32, 16])]);
    job.train.training.settings = vec![
        call("precision", &[("value", Value::Call(call("bf16", &[])))]),
        call("schedule", &[("value", Value::Call(call("cosine", &[("warmup", Value::Float(0.1))])))]),
        call("clip", &[("value", Value::Float(1.0))]),
    ];
    let (report, _) = trained(&job);
    assert!(score(&report, "auc") > 0.95, "{:?}", report.parts[&Part::Test].metrics);
}

/// One positive in fifty is drawn as often as all the others.
#[test]
fn rare_examples_can_be_drawn_more_often() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let rare = |left: f64, _: f64, _: &str| f64::from(u8::from(left > 0.96));
    let mut job = job_on(folder.path(), examples(folder.path(), rare, truths), Task::Binary, inputs());
    job.train.training.settings = vec![call("sample", &[("value", Value::Call(call("balanced", &[])))])];
    job.train.training.epochs = 3;
    let (report, _) = trained(&job);
    assert!(score(&report, "auc") > 0.98, "{:?}", report.parts[&Part::Test].metrics);
    let curves = report.parts[&Part::Train].curves.as_ref().unwrap();
    let predicted = curves.confusion.iter().map(|row| row[1]).sum::<u64>();
    assert!(predicted > 10, "positives are found at one half: {:?}", curves.confusion);
}
