//! How good predictions are: metrics of parts and slices, by the definitions of the metrics room.

use std::collections::BTreeMap;

use mlsys_metrics::{Curves, Judged, Unusable, What, defaults, intervals, value};
use mlsys_plan::{Call, Part, Train};
use mlsys_training::{PartReport, Score, Scores, SliceReport};

use crate::beside::Beside;
use crate::error::TrainError;
use crate::heads::Head;

/// How many resamples an interval is made of.
const RESAMPLES: u32 = 200;

/// How probable it is that an interval holds the value.
const LEVEL: f64 = 0.95;

/// How many points a curve is drawn with at most.
const POINTS: usize = 200;

/// Beyond so many rows an interval is so narrow that it says nothing, and costs more than the training.
const MOST_RESAMPLED: usize = 200_000;

/// A metric that is wanted.
struct Wanted {
    /// As it is written.
    name: String,
    call: Call,
    /// The length of time it is counted per, in microseconds.
    per: Option<i64>,
}

/// The judge of a training's predictions.
pub(crate) struct Judge {
    wanted: Vec<Wanted>,
    seed: u64,
    /// The columns that gates look at slices of.
    sliced: Vec<String>,
}

impl Judge {
    /// The metrics of the task, and those that the program names.
    pub(crate) fn of(train: &Train) -> Self {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut want = |name: String, call: Call, per| {
            if wanted.iter().all(|known| known.name != name) {
                wanted.push(Wanted { name, call, per });
            }
        };
        defaults(train.task).into_iter().for_each(|call| want(call.to_string(), call, None));
        let stop = train.training.stop_early.iter().map(|stop| &stop.metric);
        let tune = train.tune.iter().map(|tune| &tune.metric);
        stop.chain(tune).for_each(|call| want(call.to_string(), call.clone(), None));
        train.gates.iter().for_each(|gate| want(gate.metric_name(), gate.metric.clone(), gate.per));
        let mut sliced: Vec<String> = train.gates.iter().filter_map(|gate| gate.by.clone()).collect();
        sliced.sort();
        sliced.dedup();
        Judge { wanted, seed: train.training.seed, sliced }
    }

    /// The metrics of predictions on some examples; none of no examples.
    pub(crate) fn scores(&self, head: &Head, beside: &Beside, predictions: &[f64]) -> Result<Scores, TrainError> {
        self.judged(head, beside, predictions, false)
    }

    /// A part judged, as a whole and by slice, with curves and with intervals of the slices' metrics.
    pub(crate) fn part(
        &self,
        part: Part,
        head: &Head,
        beside: &Beside,
        predictions: &[f64],
    ) -> Result<PartReport, TrainError> {
        // Only what judges needs to be known so well.
        let resampled = part == Part::Test;
        let mut slices = Vec::new();
        for column in &self.sliced {
            slices.extend(self.slices(head, beside, predictions, column, resampled)?);
        }
        let judged = with(head, beside, predictions)?;
        Ok(PartReport {
            rows: beside.labels.len() as u64,
            positives: beside.labels.positives().map(|positives| positives as u64),
            metrics: self.judged(head, beside, predictions, resampled)?,
            baselines: self.baselines(head, beside)?,
            slices,
            curves: Curves::of(&judged, POINTS),
        })
    }

    /// A part of which nothing is said but its size.
    pub(crate) fn unjudged(beside: &Beside) -> PartReport {
        PartReport {
            rows: beside.labels.len() as u64,
            positives: None,
            metrics: Scores::default(),
            baselines: BTreeMap::new(),
            slices: Vec::new(),
            curves: None,
        }
    }

    fn slices(
        &self,
        head: &Head,
        beside: &Beside,
        predictions: &[f64],
        column: &str,
        resampled: bool,
    ) -> Result<Vec<SliceReport>, TrainError> {
        let Some(slices) = beside.slices.get(column) else { return Ok(Vec::new()) };
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); slices.values.len()];
        for (place, code) in slices.codes.iter().enumerate() {
            members[*code as usize].push(place);
        }
        let judge = |(value, places): (&Option<String>, Vec<usize>)| {
            let (beside, predictions) = (beside.at(&places), rows(predictions, head.width(), &places));
            Ok(SliceReport {
                column: column.to_owned(),
                value: value.clone(),
                rows: places.len() as u64,
                metrics: self.judged(head, &beside, &predictions, resampled)?,
                baselines: self.baselines(head, &beside)?,
            })
        };
        slices.values.iter().zip(members).map(judge).collect()
    }

    fn judged(&self, head: &Head, beside: &Beside, predictions: &[f64], resampled: bool) -> Result<Scores, TrainError> {
        let judged = with(head, beside, predictions)?;
        let calls: Vec<Call> = self.wanted.iter().map(|wanted| wanted.call.clone()).collect();
        let intervals = if resampled && beside.labels.len() <= MOST_RESAMPLED {
            intervals(&calls, &judged, RESAMPLES, LEVEL, self.seed)
        } else {
            vec![None; calls.len()]
        };
        let score = |(wanted, interval): (&Wanted, Option<(f64, f64)>)| {
            let scaled = |value: f64| per(value, wanted.per, beside.span());
            Some(Score {
                metric: wanted.name.clone(),
                value: scaled(value(&wanted.call, &judged, None)?)?,
                interval: interval.and_then(|(low, high)| Some((scaled(low)?, scaled(high)?))),
            })
        };
        Ok(self.wanted.iter().zip(intervals).filter_map(score).collect())
    }

    /// The metrics of inputs that are taken as the prediction.
    fn baselines(&self, head: &Head, beside: &Beside) -> Result<BTreeMap<String, Scores>, TrainError> {
        let each = beside.baselines.iter().map(|(input, values)| {
            let places: Vec<usize> = (0..values.len()).filter(|&place| values[place].is_finite()).collect();
            // Of quantiles every one is held against the same prediction.
            let predictions: Vec<f64> =
                places.iter().flat_map(|&place| std::iter::repeat_n(values[place], head.width())).collect();
            Ok((input.clone(), self.judged(head, &beside.at(&places), &predictions, false)?))
        });
        each.collect()
    }
}

/// The part that importance and calibration look at: not the one that judges, if there is another.
pub(crate) fn looked_at(parts: &BTreeMap<Part, Beside>) -> Part {
    if parts.get(&Part::Validate).is_some_and(|beside| beside.labels.len() > 0) { Part::Validate } else { Part::Test }
}

/// Predictions with what they are held against.
pub(crate) fn with<'a>(head: &Head, beside: &'a Beside, predictions: &'a [f64]) -> Result<Judged<'a>, TrainError> {
    let unusable = |error: Unusable| unusable(&error, beside.labels.len());
    let judged = Judged::new(head.task(), beside.labels.truth(), predictions, head.width());
    let mut judged = judged.map_err(unusable)?;
    if let (Some(groups), Head::Ranking { .. }) = (&beside.groups, head) {
        judged = judged.with_groups(groups).map_err(unusable)?;
    }
    for (column, slices) in &beside.slices {
        judged = judged.with_column(column, &slices.codes).map_err(unusable)?;
    }
    match head {
        Head::Quantile { quantiles, .. } => judged = judged.with_quantiles(quantiles).map_err(unusable)?,
        Head::Anomaly { threshold } => judged = judged.with_threshold(*threshold).map_err(unusable)?,
        _ => {}
    }
    Ok(judged)
}

/// Predictions of so many numbers a row, if all are numbers: what is fitted to others would hide them.
pub(crate) fn finite(predictions: &[f64], width: usize) -> Result<(), TrainError> {
    let (width, bad) = (width.max(1), predictions.iter().position(|prediction| !prediction.is_finite()));
    bad.map_or(Ok(()), |at| Err(no_prediction(at / width, predictions.len() / width, predictions[at])))
}

fn unusable(error: &Unusable, rows: usize) -> TrainError {
    match error {
        Unusable::NotFinite { what: What::Prediction, row, value, .. } => no_prediction(*row, rows, *value),
        error => TrainError::Unsupported(error.to_string()),
    }
}

/// The place is counted from 0.
fn no_prediction(place: usize, rows: usize, value: f64) -> TrainError {
    TrainError::NoPrediction { row: place + 1, rows, value }
}

/// The predictions of some rows.
fn rows(predictions: &[f64], width: usize, places: &[usize]) -> Vec<f64> {
    places.iter().flat_map(|&place| predictions[place * width..(place + 1) * width].iter().copied()).collect()
}

/// A number of times, counted per a length of time; none where no time passes.
#[expect(clippy::cast_precision_loss, reason = "lengths of time in microseconds are far below 2^52")]
fn per(value: f64, per: Option<i64>, span: Option<i64>) -> Option<f64> {
    let Some(per) = per else { return Some(value) };
    let span = span.filter(|span| *span > 0)?;
    Some(value * per as f64 / span as f64)
}
