//! What predictions look like, drawn in a model's report.

use mlsys_plan::Task;
use serde::{Deserialize, Serialize};

use crate::answers::most_probable;
use crate::judged::{Judged, Truth};
use crate::order::{compare, tied};

/// How many bins of equal width probabilities are put into.
const BINS: usize = 15;

/// The most classes of which pairs are counted.
const MOST_CLASSES: usize = 50;

/// Curves of predictions on one part of the examples; what the task does not have is empty.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    /// Share of negatives and of positives above each threshold, from none to all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roc: Vec<(f64, f64)>,
    /// Recall and precision at each threshold, from none on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub precision_recall: Vec<(f64, f64)>,
    /// What was predicted and what came true, in bins of predictions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reliability: Vec<Bin>,
    /// How often which predictions were made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub predicted: Vec<Bar>,
    /// How often each class, a row, was predicted as each class, a column; of truth values at one half, false first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confusion: Vec<Vec<u64>>,
}

/// Rows with predictions close to each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// The mean prediction.
    pub predicted: f64,
    /// The mean of what came true.
    pub actual: f64,
    /// Rows.
    pub rows: u64,
}

/// Rows whose prediction lies between two numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// The lower bound.
    pub from: f64,
    /// The upper bound.
    pub to: f64,
    /// Rows.
    pub rows: u64,
}

impl Curves {
    /// The curves of predictions, with so many points each at most; none without rows.
    pub fn of(judged: &Judged<'_>, points: usize) -> Option<Self> {
        // Of a retrieval there is nothing that could be drawn.
        if judged.rows() == 0 || judged.task == Task::Retrieval {
            return None;
        }
        let mut curves = Curves::default();
        match (judged.truth, judged.task) {
            (Truth::Binary(_), Task::Binary) => {
                (curves.roc, curves.precision_recall) = thresholds(judged, points)?;
                curves.reliability = reliability(judged)?;
                curves.confusion = confusion(judged, 2);
            }
            (Truth::Classes { count, .. }, _) if count <= MOST_CLASSES => curves.confusion = confusion(judged, count),
            (Truth::Numbers(_), _) => curves.reliability = by_rank(judged)?,
            _ => {}
        }
        if !matches!(judged.truth, Truth::Classes { .. }) {
            curves.predicted = bars(judged);
        }
        Some(curves)
    }
}

/// Points of a curve.
type Points = Vec<(f64, f64)>;

/// Both curves over thresholds.
fn thresholds(judged: &Judged<'_>, points: usize) -> Option<(Points, Points)> {
    let positive = judged.positive()?;
    let positives = (0..judged.rows()).filter(|row| positive(*row)).count();
    let negatives = judged.rows() - positives;
    let (mut hits, mut misses) = (0, 0);
    let (mut roc, mut precision) = (vec![(0.0, 0.0)], Vec::new());
    for run in tied(judged.order(), judged.predictions) {
        let gained = run.iter().filter(|&&row| positive(row as usize)).count();
        hits += gained;
        misses += run.len() - gained;
        roc.push((share(misses, negatives), share(hits, positives)));
        precision.push((share(hits, positives), share(hits, hits + misses)));
    }
    Some((thinned(roc, points), thinned(precision, points)))
}

/// Every so many points, the first and the last among them.
fn thinned(curve: Points, points: usize) -> Points {
    let (last, most) = (curve.len().saturating_sub(1), points.max(2) - 1);
    if last <= most {
        return curve;
    }
    (0..=most).map(|place| curve[place * last / most]).collect()
}

/// Bins of equal width between 0 and 1 that have rows.
fn reliability(judged: &Judged<'_>) -> Option<Vec<Bin>> {
    let positive = judged.positive()?;
    let mut sums = [(0.0, 0_usize, 0_usize); BINS];
    for (row, &prediction) in judged.predictions.iter().enumerate() {
        let bin = &mut sums[bin_of(prediction, BINS)];
        *bin = (bin.0 + prediction, bin.1 + usize::from(positive(row)), bin.2 + 1);
    }
    let bins = sums.into_iter().filter(|(_, _, rows)| *rows > 0);
    Some(
        bins.map(|(sum, hits, rows)| Bin {
            predicted: sum / count(rows),
            actual: share(hits, rows),
            rows: rows as u64,
        })
        .collect(),
    )
}

/// The bin of a probability among so many of equal width, each with its upper bound (Guo et al., 2017).
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
pub(crate) fn bin_of(probability: f64, bins: usize) -> usize {
    let place = (probability * count(bins)).ceil() - 1.0;
    (place.max(0.0) as usize).min(bins - 1)
}

/// Bins with equally many rows, by the rank of the prediction.
fn by_rank(judged: &Judged<'_>) -> Option<Vec<Bin>> {
    let (numbers, point) = (judged.numbers()?, judged.point());
    let mut rows: Vec<usize> = (0..judged.rows()).collect();
    rows.sort_by(|left, right| compare(point(*left), point(*right)));
    let bins = rows.chunks(rows.len().div_ceil(BINS)).map(|bin| Bin {
        predicted: bin.iter().map(|row| point(*row)).sum::<f64>() / count(bin.len()),
        actual: bin.iter().map(|row| numbers[*row]).sum::<f64>() / count(bin.len()),
        rows: bin.len() as u64,
    });
    Some(bins.collect())
}

/// Bars of equal width from the smallest to the largest prediction.
fn bars(judged: &Judged<'_>) -> Vec<Bar> {
    let point = judged.point();
    let values = || (0..judged.rows()).map(&point);
    let (low, high) =
        values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    // A distance beyond the range of numbers cannot be divided.
    if low >= high || !(high - low).is_finite() {
        return Vec::new();
    }
    let width = (high - low) / count(2 * BINS);
    let bar = |place: usize| low + width * count(place);
    let mut bars: Vec<Bar> = (0..2 * BINS).map(|place| Bar { from: bar(place), to: bar(place + 1), rows: 0 }).collect();
    for value in values() {
        bars[bin_of((value - low) / (high - low), 2 * BINS)].rows += 1;
    }
    bars
}

fn confusion(judged: &Judged<'_>, classes: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; classes]; classes];
    for row in 0..judged.rows() {
        let (actual, predicted) = match judged.truth {
            Truth::Binary(labels) => (usize::from(labels[row]), usize::from(judged.predictions[row] >= 0.5)),
            Truth::Classes { labels, .. } => (labels[row] as usize, most_probable(judged.row(row))),
            _ => continue,
        };
        if let Some(cell) = counts.get_mut(actual).and_then(|row| row.get_mut(predicted)) {
            *cell += 1;
        }
    }
    counts
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { count(part) / count(whole) }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of rows are far below 2^52")]
fn count(rows: usize) -> f64 {
    rows as f64
}
