//! Every metric on a few weighted rows, with values that were worked out by hand.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how tests fail")]

use std::collections::BTreeSet;

use mlsys_metrics::{Judged, Truth, Weights, all, value};
use mlsys_plan::{Call, Task, Value};

/// A metric, and its value.
type Case = (Call, f64);

fn call(name: &str, args: &[(&str, Value)]) -> Call {
    let args = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Call { name: name.to_owned(), args }
}

fn at(threshold: f64) -> [(&'static str, Value); 1] {
    [("threshold", Value::Float(threshold))]
}

fn first(k: i64) -> [(&'static str, Value); 1] {
    [("k", Value::Int(k))]
}

fn by(column: &str) -> [(&'static str, Value); 1] {
    [("by", Value::String(column.to_owned()))]
}

/// Holds metrics against their values; which ones they are.
fn hold(judged: &Judged<'_>, weights: &[f64], cases: Vec<Case>) -> BTreeSet<String> {
    let weights = Weights::new(weights).unwrap();
    for (metric, expected) in &cases {
        let found = value(metric, judged, Some(&weights)).unwrap_or_else(|| panic!("{metric} is not defined"));
        assert!((found - expected).abs() < 1e-12, "{metric}: {found}, by hand {expected}");
    }
    cases.into_iter().map(|(metric, _)| metric.name).collect()
}

/// Row       0    1    2    3    4
/// truth     +    -    +    -    +      the positives weigh 2 + 1 + 1 = 4, the negatives 1 + 3 = 4
/// predicted 0.9  0.8  0.8  0.3  0.1    positive from 0.5 on: rows 0, 1, 2
/// weight    2    1    1    3    1      8 in all
/// shop      a    b    b    b    a
/// alone     a    b    a    a    a
fn truths() -> BTreeSet<String> {
    let judged =
        Judged::new(Task::Binary, Truth::Binary(&[true, false, true, false, true]), &[0.9, 0.8, 0.8, 0.3, 0.1], 1);
    let judged = judged.unwrap().with_column("shop", &[0, 1, 1, 1, 0]).unwrap();
    let judged = judged.with_column("alone", &[0, 1, 0, 0, 0]).unwrap();
    let cases = vec![
        // Pairs that are in order: row 0 above both negatives 2 · (1 + 3); row 2 ties with row 1 and is above row 3,
        // 1 · (1/2 + 3); row 4 above none. 11.5 of 4 · 4.
        (call("auc", &[]), 11.5 / 16.0),
        // Recall grows by 2/4 at precision 2/2, by 1/4 at 3/4 (rows 0 to 2), by 1/4 at 4/8 (all rows).
        (call("average_precision", &[]), 0.5 + 3.0 / 16.0 + 1.0 / 8.0),
        // What each row was given for what came true: 0.9, 0.2, 0.8, 0.7, 0.1.
        (
            call("log_loss", &[]),
            -(2.0 * 0.9_f64.ln() + 0.2_f64.ln() + 0.8_f64.ln() + 3.0 * 0.7_f64.ln() + 0.1_f64.ln()) / 8.0,
        ),
        // Rows 0, 2 and 3 are right: 2 + 1 + 3.
        (call("accuracy", &[]), 6.0 / 8.0),
        // 2 · 0.1² + 0.8² + 0.2² + 3 · 0.3² + 0.9² = 0.02 + 0.64 + 0.04 + 0.27 + 0.81.
        (call("brier", &[]), 1.78 / 8.0),
        // Above 0.75: 2 · (0.9 − 1) + 0.8 + (0.8 − 1) = 0.4. Up to 0.5: 3 · 0.3 = 0.9. Up to 0.25: 0.1 − 1 = −0.9.
        (call("calibration_error", &[("bins", Value::Int(4))]), (0.4 + 0.9 + 0.9) / 8.0),
        // From 0.85 on: 2 hits, no alarms, 2 misses.
        (call("f1", &at(0.85)), 4.0 / 6.0),
        // From 0.25 on: 3 hits, 4 alarms.
        (call("precision", &at(0.25)), 3.0 / 7.0),
        // Shop a: 2 of 3 positives are found, and there are no negatives, which counts as a rate of zero. Shop b: 1 of 1, and
        // 1 of 4 negatives is taken for one. The rates differ by 1/3 and by 1/4.
        (call("equalized_odds_difference", &by("shop")), 1.0 / 3.0),
        // 2 of 3 rows of shop a are predicted to be positive, and 2 of 5 of shop b.
        (call("demographic_parity_difference", &by("shop")), 4.0 / 15.0),
        // A group of one row, which is predicted, and 3 of 7 of the others. (fairlearn 0.12 says 0 here.)
        (call("demographic_parity_difference", &by("alone")), 4.0 / 7.0),
        // Of the negatives row 1 is predicted, alone in its group, and row 3 is not; of the positives 3 of 4 and none.
        (call("equalized_odds_difference", &by("alone")), 1.0),
    ];
    hold(&judged, &[2.0, 1.0, 1.0, 3.0, 1.0], cases)
}

/// Row       0              1              2
/// truth     0              2              0
/// predicted 0.7 0.2 0.1    0.2 0.5 0.3    0.4 0.4 0.2
/// weight    1              2              5               8 in all
fn classes() -> BTreeSet<String> {
    let truth = Truth::Classes { labels: &[0, 2, 0], count: 3 };
    let predictions = [0.7, 0.2, 0.1, 0.2, 0.5, 0.3, 0.4, 0.4, 0.2];
    let judged = Judged::new(Task::Multiclass, truth, &predictions, 3).unwrap();
    let cases = vec![
        // Row 0 is right, row 1 is taken for class 1, and of equally probable classes of row 2 the first is taken.
        (call("accuracy", &[]), 6.0 / 8.0),
        (call("log_loss", &[]), -(0.7_f64.ln() + 2.0 * 0.3_f64.ln() + 5.0 * 0.4_f64.ln()) / 8.0),
    ];
    hold(&judged, &[1.0, 2.0, 5.0], cases)
}

/// Row       0  1  2  3
/// truth     1  2  4  8
/// predicted 2  2  3  4
/// weight    4  1  2  1    8 in all
fn numbers() -> BTreeSet<String> {
    let judged =
        Judged::new(Task::Regression, Truth::Numbers(&[1.0, 2.0, 4.0, 8.0]), &[2.0, 2.0, 3.0, 4.0], 1).unwrap();
    let cases = vec![
        // 4 · 1² + 0 + 2 · 1² + 4² = 22.
        (call("rmse", &[]), (22.0_f64 / 8.0).sqrt()),
        // 4 · 1 + 0 + 2 · 1 + 4 = 10.
        (call("mae", &[]), 10.0 / 8.0),
        // 4 · 1/1 + 0 + 2 · 1/4 + 4/8 = 5.
        (call("mape", &[]), 5.0 / 8.0),
        // The mean is (4 + 2 + 8 + 8) / 8 = 2.75, around which there are 4 · 1.75² + 0.75² + 2 · 1.25² + 5.25² = 43.5.
        (call("r2", &[]), 1.0 - 22.0 / 43.5),
    ];
    hold(&judged, &[4.0, 1.0, 2.0, 1.0], cases)
}

/// Row       0      1      2
/// truth     2      5      1
/// predicted 1 2 3  1 2 4  1 3 6    for 0.1, 0.5, 0.9
/// weight    1      2      1        4 in all
fn quantiles() -> BTreeSet<String> {
    let predictions = [1.0, 2.0, 3.0, 1.0, 2.0, 4.0, 1.0, 3.0, 6.0];
    let judged = Judged::new(Task::Quantile, Truth::Numbers(&[2.0, 5.0, 1.0]), &predictions, 3).unwrap();
    let judged = judged.with_quantiles(&[0.1, 0.5, 0.9]).unwrap();
    let cases = vec![
        // Row 0: 0.1 · 1 + 0 + 0.1 · 1 = 0.2. Row 1: 0.1 · 4 + 0.5 · 3 + 0.9 · 1 = 2.8. Row 2: 0 + 0.5 · 2 + 0.1 · 5 = 1.5.
        (call("pinball", &[]), (0.2 + 2.0 * 2.8 + 1.5) / 3.0 / 4.0),
        // Row 0 lies within, row 1 above, row 2 on the lower bound.
        (call("coverage", &[("low", Value::Float(0.1)), ("high", Value::Float(0.9))]), 2.0 / 4.0),
        // The medians are off by 0, 3 and 2: 2 · 3² + 2² = 22, 2 · 3 + 2 = 8, and 2 · 3/5 + 2/1 = 3.2.
        (call("rmse", &[]), (22.0_f64 / 4.0).sqrt()),
        (call("mae", &[]), 8.0 / 4.0),
        (call("mape", &[]), 3.2 / 4.0),
    ];
    hold(&judged, &[1.0, 2.0, 1.0], cases)
}

/// Row       0    1    2    3    4    5
/// group     1    1    1    2    2    3      of weights 2, 1 and 5
/// grade     2    0    1    1    0    0
/// predicted 0.1  0.9  0.5  0.5  0.5  0.2
fn grades() -> BTreeSet<String> {
    let truth = Truth::Grades(&[2.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    let judged = Judged::new(Task::Ranking, truth, &[0.1, 0.9, 0.5, 0.5, 0.5, 0.2], 1).unwrap();
    let judged = judged.with_groups(&[1, 1, 1, 2, 2, 3]).unwrap();
    // What the second place counts: 1 / log2(3).
    let second = 1.0 / 3.0_f64.log2();
    let cases = vec![
        // Group 1 is put in the order of rows 1, 2, 0: it gains 0 + 1 · second of 2 + 1 · second. In group 2 both rows tie and
        // share their gain, 1/2 + 1/2 · second of 1. In group 3 nothing is relevant.
        (call("ndcg", &first(2)), (2.0 * second / (2.0 + second) + (1.0 + second) / 2.0) / 3.0),
        // 1 of 2, 1 of 2, and 0 of 2 although there is one row only.
        (call("precision_at", &first(2)), (2.0 * 0.5 + 0.5 + 0.0) / 8.0),
        // 1 of 2 and 1 of 1; in group 3 nothing is relevant.
        (call("recall", &first(2)), (2.0 * 0.5 + 1.0) / 3.0),
        // The first relevant row is the second of group 1 and the first of group 2; in group 3 there is none.
        (call("mrr", &[]), (2.0 * 0.5 + 1.0) / 3.0),
        (call("hit_rate", &first(1)), (2.0 * 0.0 + 1.0) / 3.0),
        // Positives are rows 0, 2, 3, of weight 5, negatives 1, 4, 5, of weight 8. Row 2 ties with row 4 and is above row 5,
        // 2 · (1/2 + 5); row 3 too, 1 · (1/2 + 5).
        (call("auc", &[]), 16.5 / 40.0),
        // Thresholds 0.9: nothing. 0.5: rows 2 and 3 of rows 1 to 4, recall 3/5 at precision 3/6. 0.1: the rest, 2/5 at 5/13.
        (call("average_precision", &[]), 0.6 * 0.5 + 0.4 * 5.0 / 13.0),
        // What came true was given 0.1, 0.1, 0.5, 0.5, 0.5, 0.8.
        (call("log_loss", &[]), -(4.0 * 0.1_f64.ln() + 4.0 * 0.5_f64.ln() + 5.0 * 0.8_f64.ln()) / 13.0),
    ];
    hold(&judged, &[2.0, 2.0, 2.0, 1.0, 1.0, 5.0], cases)
}

/// Row       0    1    2    3
/// predicted 0.2  0.7  0.5  0.9    alarms are above 0.5: rows 1 and 3
/// weight    1    2    4    3
fn scores() -> BTreeSet<String> {
    let judged =
        Judged::new(Task::Anomaly, Truth::None, &[0.2, 0.7, 0.5, 0.9], 1).unwrap().with_threshold(0.5).unwrap();
    hold(&judged, &[1.0, 2.0, 4.0, 3.0], vec![(call("false_alarms", &[]), 5.0)])
}

#[test]
fn metrics_have_the_values_that_were_worked_out_by_hand() {
    let held: BTreeSet<String> =
        [truths(), classes(), numbers(), quantiles(), grades(), scores()].into_iter().flatten().collect();
    let never: Vec<&str> = all().map(|metric| metric.name).filter(|name| !held.contains(*name)).collect();
    assert!(never.is_empty(), "{never:?} are not worked out");
}
