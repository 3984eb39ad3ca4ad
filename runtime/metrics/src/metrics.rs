//! The metrics, one file each.

mod accuracy;
mod auc;
mod average_precision;
mod brier;
mod calibration_error;
mod coverage;
mod demographic_parity_difference;
mod equalized_odds_difference;
mod f1;
mod false_alarms;
mod hit_rate;
mod log_loss;
mod mae;
mod mape;
mod mrr;
mod ndcg;
mod pinball;
mod precision;
mod precision_at;
mod r2;
mod recall;
mod rmse;

use std::collections::BTreeMap;

use mlsys_plan::{Call, Task, Value};

use crate::judged::Judged;
use crate::weights::Weights;

/// A metric.
pub struct Definition {
    /// Its name in the language.
    pub name: &'static str,
    /// The tasks that it judges.
    pub tasks: &'static [Task],
    /// Whether larger values are better.
    pub larger_is_better: bool,
    /// Whether every report has it, and with which numbers for its arguments.
    usual: Option<&'static [(&'static str, Number)]>,
    /// Its value.
    value: fn(&Judged<'_>, &Call, &Weights<'_>) -> Option<f64>,
}

/// The value of an argument.
enum Number {
    Int(i64),
    Float(f64),
}

/// The one list of metrics, in the order in which they are reported.
const METRICS: &[&Definition] = &[
    &auc::METRIC,
    &average_precision::METRIC,
    &log_loss::METRIC,
    &accuracy::METRIC,
    &brier::METRIC,
    &calibration_error::METRIC,
    &f1::METRIC,
    &precision::METRIC,
    &ndcg::METRIC,
    &mrr::METRIC,
    &hit_rate::METRIC,
    &precision_at::METRIC,
    &recall::METRIC,
    &rmse::METRIC,
    &mae::METRIC,
    &mape::METRIC,
    &r2::METRIC,
    &pinball::METRIC,
    &coverage::METRIC,
    &false_alarms::METRIC,
    &equalized_odds_difference::METRIC,
    &demographic_parity_difference::METRIC,
];

/// Every metric, in the order in which they are reported.
pub fn all() -> impl Iterator<Item = &'static Definition> {
    METRICS.iter().copied()
}

/// The metric of that name.
pub fn definition(name: &str) -> Option<&'static Definition> {
    all().find(|metric| metric.name == name)
}

/// Whether larger values of a metric are better.
pub fn larger_is_better(metric: &Call) -> bool {
    definition(&metric.name).is_some_and(|metric| metric.larger_is_better)
}

/// The metrics that every report on a task has.
pub fn defaults(task: Task) -> Vec<Call> {
    let usual = all().filter(|metric| metric.tasks.contains(&task)).filter_map(|metric| {
        let args = metric.usual?.iter().map(|(name, number)| {
            let value = match number {
                Number::Int(value) => Value::Int(*value),
                Number::Float(value) => Value::Float(*value),
            };
            ((*name).to_owned(), value)
        });
        Some(Call { name: metric.name.to_owned(), args: args.collect::<BTreeMap<_, _>>() })
    });
    usual.collect()
}

/// A metric of predictions, each row counted as often as its weight says; none where it is not defined on them, where no row
/// counts, and where it leaves the range of numbers.
pub fn value(metric: &Call, judged: &Judged<'_>, weights: Option<&Weights<'_>>) -> Option<f64> {
    let definition = definition(&metric.name).filter(|definition| definition.tasks.contains(&judged.task))?;
    let weights = weights.copied().unwrap_or(Weights::equal());
    if !weights.count_among(judged.rows()) {
        return None;
    }
    (definition.value)(judged, metric, &weights).filter(|value| value.is_finite())
}

/// The weighted mean of something of each row; none of no rows.
fn mean(judged: &Judged<'_>, weights: &Weights<'_>, of: impl Fn(usize) -> f64) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for row in 0..judged.rows() {
        let weight = weights.of(row);
        sum += weight * of(row);
        count += weight;
    }
    (count > 0.0).then(|| sum / count)
}

/// The weighted mean of an error of each row: of what is predicted and of what came true.
fn mean_error(judged: &Judged<'_>, weights: &Weights<'_>, error: impl Fn(f64, f64) -> f64) -> Option<f64> {
    let (numbers, point) = (judged.numbers()?, judged.point());
    mean(judged, weights, |row| error(point(row), numbers[row]))
}

/// Weights of positives and negatives.
fn classes(judged: &Judged<'_>, weights: &Weights<'_>) -> Option<(f64, f64)> {
    let positive = judged.positive()?;
    let mut sums = (0.0, 0.0);
    for row in 0..judged.rows() {
        let sum = if positive(row) { &mut sums.0 } else { &mut sums.1 };
        *sum += weights.of(row);
    }
    Some(sums)
}

/// Weights of positives that are predicted, of negatives that are, and of positives that are not, at a threshold.
fn confusion(judged: &Judged<'_>, weights: &Weights<'_>, threshold: f64) -> Option<(f64, f64, f64)> {
    let positive = judged.positive()?;
    let mut sums = (0.0, 0.0, 0.0);
    for row in 0..judged.rows() {
        let weight = weights.of(row);
        match (positive(row), judged.predictions[row] >= threshold) {
            (true, true) => sums.0 += weight,
            (false, true) => sums.1 += weight,
            (true, false) => sums.2 += weight,
            (false, false) => {}
        }
    }
    Some(sums)
}

/// The weighted mean of something of each group of rows, those left out that have none. A group weighs what its rows do.
fn mean_of_groups(judged: &Judged<'_>, weights: &Weights<'_>, of: impl Fn(&[u32]) -> Option<f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0.0);
    for group in &judged.ranked().0 {
        let weight = group.first().map_or(0.0, |&row| weights.of(row as usize));
        if weight > 0.0
            && let Some(value) = of(group)
        {
            sum += weight * value;
            count += weight;
        }
    }
    (count > 0.0).then(|| sum / count)
}

/// The weighted mean of what the rank of a row's own candidate is worth, by ranks from 0, of which the first `most` are worth
/// something; none where nothing is retrieved. Candidates of one score share their ranks, each having any of them with the
/// same chance (McSherry and Najork, 2008).
#[expect(clippy::cast_precision_loss, reason = "candidates are far fewer than 2^52")]
fn mean_of_ranks(judged: &Judged<'_>, weights: &Weights<'_>, most: usize, worth: impl Fn(usize) -> f64) -> Option<f64> {
    let standings = (0..judged.rows()).map(|row| judged.standing(row)).collect::<Option<Vec<(usize, usize)>>>()?;
    let last = standings.iter().map(|(above, beside)| above + beside + 1).max()?.min(most);
    let mut sums = vec![0.0];
    for rank in 0..last {
        sums.push(sums[rank] + worth(rank));
    }
    mean(judged, weights, |row| {
        let (above, beside) = standings[row];
        let shared = sums[(above + beside + 1).min(last)] - sums[above.min(last)];
        shared / (beside + 1) as f64
    })
}

/// An argument that counts rows.
fn first(metric: &Call) -> usize {
    metric.count("k").unwrap_or(10).max(1)
}
