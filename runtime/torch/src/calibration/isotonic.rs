//! `isotonic`: the curve that never goes down and is closest to what came true (Barlow et al., 1972), by pooling adjacent
//! violators, with lines between its points, as scikit-learn's `IsotonicRegression(out_of_bounds="clip")` has it.

use serde::{Deserialize, Serialize};

use super::Calibration;

/// Points of a curve that never goes down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Isotonic {
    from: Vec<f64>,
    to: Vec<f64>,
}

/// Rows that get one value: where they begin and end, their sum and their number.
struct Pool {
    first: f64,
    last: f64,
    sum: f64,
    count: f64,
}

impl Isotonic {
    pub(super) fn changed(&self, probability: f64) -> f64 {
        let above = self.from.partition_point(|from| *from < probability);
        let (Some(first), Some(last)) = (self.to.first(), self.to.last()) else { return probability };
        if probability.is_nan() {
            return probability;
        }
        match (above, self.from.get(above)) {
            (0, _) => *first,
            (_, None) => *last,
            (_, Some(high)) => {
                let low = self.from[above - 1];
                let share = (probability - low) / (high - low);
                self.to[above - 1] + (self.to[above] - self.to[above - 1]) * share
            }
        }
    }
}

pub(super) fn fit(probabilities: &[f64], labels: &[bool]) -> Calibration {
    let mut rows: Vec<(f64, f64)> =
        probabilities.iter().zip(labels).map(|(at, label)| (*at, f64::from(u8::from(*label)))).collect();
    rows.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut pools: Vec<Pool> = Vec::new();
    for tied in rows.chunk_by(|left, right| left.0.total_cmp(&right.0).is_eq()) {
        let (at, count) = (tied[0].0, tied.iter().map(|_| 1.0).sum());
        pools.push(Pool { first: at, last: at, sum: tied.iter().map(|row| row.1).sum(), count });
        while let [.., before, after] = pools.as_slice() {
            if before.sum / before.count < after.sum / after.count {
                break;
            }
            let joined = Pool {
                first: before.first,
                last: after.last,
                sum: before.sum + after.sum,
                count: before.count + after.count,
            };
            pools.truncate(pools.len() - 2);
            pools.push(joined);
        }
    }
    let mut curve = Isotonic { from: Vec::new(), to: Vec::new() };
    for pool in pools {
        let ends = if pool.first < pool.last { vec![pool.first, pool.last] } else { vec![pool.first] };
        for end in ends {
            curve.from.push(end);
            curve.to.push(pool.sum / pool.count);
        }
    }
    Calibration::Isotonic(curve)
}
