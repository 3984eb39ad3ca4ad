//! Cases at the edges: equal labels, both zeros, quantiles that are not predicted, and numbers that are none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use mlsys_metrics::{Curves, Judged, Truth, Unusable, Weights, What, all, intervals, most_probable, value};
use mlsys_plan::{Call, Task, Value};

fn call(name: &str, args: &[(&str, Value)]) -> Call {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Call { name: name.to_owned(), args }
}

fn k(count: i64) -> [(&'static str, Value); 1] {
    [("k", Value::Int(count))]
}

fn numbers<'a>(labels: &'a [f64], predictions: &'a [f64]) -> Judged<'a> {
    Judged::new(Task::Regression, Truth::Numbers(labels), predictions, 1).unwrap()
}

/// The mean of three times 0.1 is not 0.1.
#[test]
fn equal_labels_have_no_r2() {
    let r2 = call("r2", &[]);
    for label in [0.1, 0.3, 1e-200, 1e200, -0.7, 0.0] {
        for rows in 1..30 {
            let (labels, predictions) = (vec![label; rows], vec![0.2; rows]);
            assert_eq!(value(&r2, &numbers(&labels, &predictions), None), None, "{rows} times {label}");
            assert_eq!(value(&r2, &numbers(&labels, &labels), None), None, "{rows} times {label}, all right");
        }
    }
    let (labels, predictions) = ([0.0, -0.0], [1.0, 2.0]);
    assert_eq!(value(&r2, &numbers(&labels, &predictions), None), None);
    // Labels of rows that do not count are none.
    let (labels, predictions) = ([7.0, 0.1, 0.1, 0.1], [0.2; 4]);
    let judged = numbers(&labels, &predictions);
    assert_eq!(value(&r2, &judged, Some(&Weights::new(&[0.0, 1.0, 1.0, 1.0]).unwrap())), None);
    assert!(value(&r2, &judged, None).is_some());
}

#[test]
fn both_zeros_tie() {
    let labels = [true, false, true, false];
    let judged = |predictions: &[f64]| {
        let judged = Judged::new(Task::Binary, Truth::Binary(&labels), predictions, 1).unwrap();
        let found: Vec<Option<f64>> =
            ["auc", "average_precision", "calibration_error"].map(|name| value(&call(name, &[]), &judged, None)).into();
        (found, Curves::of(&judged, 9).unwrap())
    };
    let same = judged(&[0.0, 0.0, 0.0, 0.0]);
    for predictions in [[0.0, -0.0, 0.0, -0.0], [-0.0, 0.0, -0.0, 0.0], [-0.0, -0.0, 0.0, 0.0]] {
        assert_eq!(judged(&predictions), same, "{predictions:?}");
    }
    assert_eq!(same.0[0], Some(0.5));
    assert_eq!(most_probable(&[-0.0, 0.0]), 0);
}

#[test]
fn both_zeros_tie_within_groups() {
    let (grades, groups) = ([0.0, 2.0, 1.0, 0.0], [1, 1, 1, 1]);
    let ranked = |predictions: &[f64]| {
        let judged = Judged::new(Task::Ranking, Truth::Grades(&grades), predictions, 1).unwrap();
        let judged = judged.with_groups(&groups).unwrap();
        [call("ndcg", &k(2)), call("precision_at", &k(1)), call("recall", &k(1)), call("auc", &[])]
            .map(|metric| value(&metric, &judged, None))
    };
    for predictions in [[-0.0, 0.0, -0.0, 0.0], [0.0, -0.0, 0.0, -0.0]] {
        assert_eq!(ranked(&predictions), ranked(&[0.0; 4]), "{predictions:?}");
    }
}

/// Bins of ranks hold rows with one prediction in their order.
#[test]
fn both_zeros_are_one_rank() {
    let labels: Vec<f64> = (0..30).map(f64::from).collect();
    let signed: Vec<f64> = (0..30).map(|row| if row % 2 == 0 { 0.0 } else { -0.0 }).collect();
    let curve = |predictions: &[f64]| Curves::of(&numbers(&labels, predictions), 9).unwrap().reliability;
    assert_eq!(curve(&signed), curve(&[0.0; 30]));
}

#[test]
fn quantiles_are_as_many_as_predictions() {
    let (labels, predictions) = ([1.0, 2.0], [0.5, 2.5]);
    let judged = || Judged::new(Task::Quantile, Truth::Numbers(&labels), &predictions, 1).unwrap();
    let refused = judged().with_quantiles(&[0.1, 0.5, 0.9]).unwrap_err();
    assert_eq!(refused, Unusable::Quantiles { quantiles: 3, width: 1 });
    assert!(judged().with_quantiles(&[f64::NAN]).is_err());
    // Without quantiles, or with others, nothing is covered or not.
    let coverage = call("coverage", &[("low", Value::Float(0.1)), ("high", Value::Float(0.9))]);
    assert_eq!(value(&coverage, &judged(), None), None);
    assert_eq!(value(&coverage, &judged().with_quantiles(&[0.5]).unwrap(), None), None);
}

#[test]
fn numbers_that_are_none_are_refused_by_their_place() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let predictions = [0.1, 0.2, 0.3, bad, 0.1, 0.1];
        let classes = Truth::Classes { labels: &[0, 1], count: 3 };
        let refused = Judged::new(Task::Multiclass, classes, &predictions, 3).unwrap_err();
        let Unusable::NotFinite { what: What::Prediction, row: 1, column: 0, .. } = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(refused.to_string(), format!("the prediction in row 1, column 0, is {bad}"));
        let labels = [1.0, bad];
        for truth in [Truth::Numbers(&labels), Truth::Grades(&labels)] {
            let refused = Judged::new(Task::Regression, truth, &[0.0, 0.0], 1).unwrap_err();
            assert!(matches!(refused, Unusable::NotFinite { what: What::Label, row: 1, .. }), "{refused:?}");
        }
        assert!(Judged::new(Task::Anomaly, Truth::None, &[0.1, bad], 1).is_err());
    }
    for bad in [f64::NAN, f64::INFINITY, -1.0, -f64::MIN_POSITIVE] {
        let refused = Weights::new(&[1.0, bad]).unwrap_err();
        assert!(matches!(refused, Unusable::Weight { row: 1, .. }), "{refused}");
    }
    assert!(Weights::new(&[0.0, -0.0, 1.0]).is_ok());
    let judged = || Judged::new(Task::Anomaly, Truth::None, &[0.1], 1).unwrap();
    assert_eq!(judged().with_threshold(f64::NAN).unwrap_err(), Unusable::Threshold);
    assert!(judged().with_threshold(f64::INFINITY).is_ok());
}

/// No alarm is 0, not a negative zero.
#[test]
fn no_alarm_is_zero() {
    let judged = Judged::new(Task::Anomaly, Truth::None, &[0.1, 0.2], 1).unwrap().with_threshold(0.5).unwrap();
    let found = value(&call("false_alarms", &[]), &judged, None).unwrap();
    assert!(found == 0.0 && found.is_sign_positive());
}

#[test]
fn where_no_row_counts_nothing_is_defined() {
    let (labels, numbers, codes) = ([true, false], [0.25, 0.75], [0, 1]);
    let truth = |task| match task {
        Task::Binary => Truth::Binary(&labels),
        Task::Multiclass => Truth::Classes { labels: &[0, 0], count: 1 },
        Task::Ranking => Truth::Grades(&numbers),
        Task::Anomaly | Task::Retrieval => Truth::None,
        _ => Truth::Numbers(&numbers),
    };
    let predicted = |task| match task {
        Task::Retrieval => ([numbers, numbers].concat(), 2),
        _ => (numbers.to_vec(), 1),
    };
    let args = [("by", Value::String("shop".to_owned())), ("low", Value::Float(0.5)), ("high", Value::Float(0.5))];
    for definition in all() {
        for task in definition.tasks {
            let (predictions, width) = predicted(*task);
            let judged = Judged::new(*task, truth(*task), &predictions, width).unwrap();
            let judged = judged.with_column("shop", &codes).unwrap();
            let judged = judged.with_quantiles(&[0.5, 0.5][..width]).unwrap().with_threshold(0.5).unwrap();
            let found =
                |weights: &[f64]| value(&call(definition.name, &args), &judged, Some(&Weights::new(weights).unwrap()));
            assert_eq!(found(&[0.0, 0.0]), None, "{} of {task:?}", definition.name);
            // Weights of other rows are none of these.
            assert_eq!(found(&[1.0]), None, "{} of {task:?}", definition.name);
        }
    }
}

/// What leaves the range of numbers is told of as not defined, never as infinite.
#[test]
fn what_leaves_the_range_of_numbers_is_not_defined() {
    let (labels, predictions) = ([1e200, -1e200, 0.0], [-1e200, 1e200, 0.0]);
    let judged = numbers(&labels, &predictions);
    assert_eq!(value(&call("rmse", &[]), &judged, None), None);
    assert_eq!(value(&call("r2", &[]), &judged, None), None);
    assert!(value(&call("mae", &[]), &judged, None).is_some());
    let (labels, predictions) = ([0.0, 1.0], [f64::MAX, f64::MIN]);
    assert!(Curves::of(&numbers(&labels, &predictions), 9).unwrap().predicted.is_empty());
}

/// Products of such weights are zero.
#[test]
fn weights_may_be_tiny() {
    let (labels, predictions) = ([true, false, true, false], [0.9, 0.4, 0.3, 0.2]);
    let judged = Judged::new(Task::Binary, Truth::Binary(&labels), &predictions, 1).unwrap();
    for name in ["auc", "average_precision", "accuracy"] {
        let found = value(&call(name, &[]), &judged, Some(&Weights::new(&[1e-200; 4]).unwrap())).unwrap();
        assert!((found - value(&call(name, &[]), &judged, None).unwrap()).abs() < 1e-12, "{name}: {found}");
    }
}

#[test]
fn grades_below_zero_have_no_ndcg() {
    let judged = Judged::new(Task::Ranking, Truth::Grades(&[-1.0, 2.0]), &[0.1, 0.2], 1).unwrap();
    assert_eq!(value(&call("ndcg", &k(2)), &judged, None), None);
}

/// An interval of any level lies among the resamples.
#[test]
fn intervals_of_odd_levels_are_intervals() {
    let (labels, predictions) = ([1.0, 2.0, 3.0], [1.5, 2.5, 2.0]);
    for level in [-3.0, 0.0, 1.0, 3.0] {
        let found = intervals(&[call("mae", &[])], &numbers(&labels, &predictions), 20, level, 1);
        let (low, high) = found[0].unwrap();
        assert!((0.5..=1.0).contains(&low) && (0.5..=1.0).contains(&high), "{level}: {low} {high}");
    }
}
