//! Intervals of metrics by resampling rows with replacement, from percentile to percentile (Efron, 1979). Rows that are
//! ranked together are resampled together.

use mlsys_plan::Call;
use rand_core::{Rng, SeedableRng};
use rand_xorshift::XorShiftRng;

use crate::judged::Judged;
use crate::metrics::value;
use crate::weights::Weights;

/// Where each metric lies with that probability, from so many resamples; none where it is not defined on most of them. The
/// same seed gives the same intervals.
pub fn intervals(
    metrics: &[Call],
    judged: &Judged<'_>,
    resamples: u32,
    level: f64,
    seed: u64,
) -> Vec<Option<(f64, f64)>> {
    let mut random = XorShiftRng::seed_from_u64(seed);
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); metrics.len()];
    let mut weights = vec![0.0; judged.rows()];
    for _ in 0..resamples {
        resample(judged, &mut random, &mut weights);
        for (metric, values) in metrics.iter().zip(&mut values) {
            values.extend(value(metric, judged, Some(&Weights::drawn(&weights))));
        }
    }
    let most = usize::try_from(resamples / 2).unwrap_or(usize::MAX);
    values.into_iter().map(|values| (values.len() > most).then(|| percentiles(values, level))).collect()
}

/// How often each row is drawn.
fn resample(judged: &Judged<'_>, random: &mut XorShiftRng, weights: &mut [f64]) {
    weights.fill(0.0);
    if judged.is_grouped() {
        let groups = &judged.ranked().0;
        for _ in 0..groups.len() {
            groups[below(random, groups.len())].iter().for_each(|&row| weights[row as usize] += 1.0);
        }
        return;
    }
    for _ in 0..weights.len() {
        weights[below(random, weights.len())] += 1.0;
    }
}

/// An index below a count (Lemire, 2019).
#[expect(clippy::cast_possible_truncation, reason = "the upper half of a product is below the count")]
fn below(random: &mut XorShiftRng, count: usize) -> usize {
    ((u128::from(random.next_u64()) * count as u128) >> 64) as usize
}

/// The values below and above which an equal share lies, between two values in proportion.
#[expect(clippy::cast_precision_loss, reason = "resamples are few")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
fn percentiles(mut values: Vec<f64>, level: f64) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = share.clamp(0.0, 1.0) * (values.len() - 1) as f64;
        let (low, high) = (place.floor() as usize, place.ceil() as usize);
        values[low] + (values[high] - values[low]) * (place - place.floor())
    };
    (at((1.0 - level) / 2.0), at(f64::midpoint(1.0, level)))
}
