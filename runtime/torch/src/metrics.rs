//! Metrics of binary predictions, one file each. Equal to scikit-learn's.

mod accuracy;
mod auc;
mod average_precision;
mod brier;
mod log_loss;

use mlsys_plan::Metric;
use mlsys_training::VersionMetrics;

/// A metric's definition: labels and probabilities of equal length; none where it is not defined.
type Definition = fn(&[bool], &[f64]) -> Option<f64>;

/// The one list of definitions.
fn definition(metric: Metric) -> Definition {
    match metric {
        Metric::Auc => auc::auc,
        Metric::AveragePrecision => average_precision::average_precision,
        Metric::LogLoss => log_loss::log_loss,
        Metric::Accuracy => accuracy::accuracy,
        Metric::Brier => brier::brier,
    }
}

/// A metric of probabilities against labels of equal length; none where it is not defined on them.
pub fn value(metric: Metric, labels: &[bool], probabilities: &[f64]) -> Option<f64> {
    definition(metric)(labels, probabilities)
}

/// Every metric that is defined.
pub fn metrics(labels: &[bool], probabilities: &[f64]) -> VersionMetrics {
    let all = Metric::ALL.into_iter();
    all.filter_map(|metric| Some((metric, value(metric, labels, probabilities)?))).collect()
}

/// Rows from the largest probability to the smallest.
fn descending(probabilities: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..probabilities.len()).collect();
    order.sort_by(|&left, &right| probabilities[right].total_cmp(&probabilities[left]));
    order
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn count(rows: usize) -> f64 {
    rows as f64
}
