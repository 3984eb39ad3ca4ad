//! How much each input matters: how much worse predictions are when its values are shuffled among the rows (Breiman, 2001;
//! Fisher, Rudin and Dominici, 2019).

use arrow::array::Int64Array;
use arrow::compute::take;
use mlsys_plan::{Call, Train};
use mlsys_training::Importance;

use crate::artefact::Model;
use crate::beside::Beside;
use crate::chance;
use crate::error::TrainError;
use crate::examples::Examples;
use crate::heads::Head;
use crate::judging::with;

/// How often the values of an input are shuffled.
pub(crate) const SHUFFLES: u64 = 3;

/// The most rows that are looked at.
const MOST_ROWS: usize = 20_000;

/// What chance is drawn for.
const PLACE: u64 = 3;

/// The inputs by how much they matter, those that matter most first.
pub(crate) fn importance(
    train: &Train,
    model: &Model,
    examples: &Examples,
    rows: &[usize],
    beside: &Beside,
) -> Result<Vec<Importance>, TrainError> {
    if let Head::Retrieval = model.head() {
        // What is shuffled on the side of candidates makes other candidates: there is nothing to compare.
        return Ok(Vec::new());
    }
    let Some(metric) = metric(train) else { return Ok(Vec::new()) };
    let seed = train.training.seed;
    let places = chosen(rows.len(), seed);
    // Only these rows are shuffled and encoded, again and again.
    let looked_at: Vec<usize> = places.iter().map(|&place| rows[place]).collect();
    let (examples, beside) = (examples.at(&looked_at)?, beside.at(&places));
    let rows: Vec<usize> = (0..looked_at.len()).collect();
    let score = |examples: &Examples| -> Result<Option<f64>, TrainError> {
        let predictions = model.predict(examples, &rows)?;
        Ok(mlsys_metrics::value(&metric, &with(model.head(), &beside, &predictions)?, None))
    };
    let Some(whole) = score(&examples)? else { return Ok(Vec::new()) };
    let sign = if mlsys_metrics::larger_is_better(&metric) { 1.0 } else { -1.0 };
    let mut found = Vec::new();
    for (number, input) in (1_u64..).zip(&train.inputs) {
        let mut worse = Vec::new();
        for shuffle in 0..SHUFFLES {
            let shuffled = shuffled(&examples, &input.name, &[seed, PLACE, number * SHUFFLES + shuffle])?;
            worse.extend(score(&shuffled)?.map(|score| sign * (whole - score)));
        }
        found.extend(summed_up(&input.name, &metric, &worse));
    }
    found.sort_by(|left: &Importance, right: &Importance| {
        right.worse.total_cmp(&left.worse).then_with(|| left.name.cmp(&right.name))
    });
    Ok(found)
}

/// The places of the rows that are looked at, in their order: all of them, or as many as are enough, by chance.
pub(crate) fn chosen(rows: usize, seed: u64) -> Vec<usize> {
    let order = chance::order(rows, &[seed, PLACE, 0]);
    let mut places: Vec<usize> =
        order.into_iter().take(MOST_ROWS).filter_map(|place| usize::try_from(place).ok()).collect();
    places.sort_unstable();
    places
}

/// The metric that stops training or that is searched by, otherwise the first of the task's.
fn metric(train: &Train) -> Option<Call> {
    let named = train.training.stop_early.as_ref().map(|stop| &stop.metric);
    let named = named.or_else(|| train.tune.as_ref().map(|tune| &tune.metric)).cloned();
    named.or_else(|| mlsys_metrics::defaults(train.task).into_iter().next())
}

/// The examples with the values of an input exchanged among them.
fn shuffled(examples: &Examples, input: &str, place: &[u64]) -> Result<Examples, TrainError> {
    let order = Int64Array::from(chance::order(examples.rows(), place));
    let taken = take(examples.column(input)?, &order, None)
        .map_err(|error| TrainError::Column { name: input.to_owned(), reason: error.to_string() })?;
    Ok(examples.replaced(input, taken))
}

#[expect(clippy::cast_precision_loss, reason = "shuffles are few")]
fn summed_up(name: &str, metric: &Call, worse: &[f64]) -> Option<Importance> {
    let count = worse.len() as f64;
    let mean = worse.iter().sum::<f64>() / count;
    let variance = worse.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (!worse.is_empty()).then(|| Importance {
        name: name.to_owned(),
        metric: metric.to_string(),
        worse: mean,
        deviation: variance.sqrt(),
    })
}
