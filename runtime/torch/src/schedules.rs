//! How the learning rate changes over training, by its name in the language.

use mlsys_plan::Call;

use crate::error::TrainError;
use crate::implemented::named;

/// The factor of the learning rate after a share of all steps, from 0 to 1.
type Factor = fn(&Call, f64) -> f64;

/// Every schedule by its name in the language.
pub(crate) const SCHEDULES: &[(&str, Factor)] =
    &[("constant", constant), ("cosine", cosine), ("decay", decay), ("one_cycle", one_cycle)];

/// The learning rate over training.
pub(crate) struct Schedule {
    call: Call,
    factor: Factor,
    warmup: f64,
}

impl Schedule {
    /// The schedule of a `train` block; a constant rate without one.
    pub(crate) fn of(call: Option<&Call>) -> Result<Self, TrainError> {
        let Some(call) = call else {
            return Ok(Schedule { call: Call::default(), factor: constant, warmup: 0.0 });
        };
        let factor = named("schedule", SCHEDULES, call)?;
        Ok(Schedule { call: call.clone(), factor, warmup: call.float("warmup").unwrap_or(0.0) })
    }

    /// The factor of the rate at a step, from 0, of so many; over the share of steps that are for warming up it grows from
    /// nothing, in a line.
    #[expect(clippy::cast_precision_loss, reason = "numbers of steps are far below 2^52")]
    pub(crate) fn factor(&self, step: u64, steps: u64) -> f64 {
        let share = (step as f64 / steps.max(1) as f64).min(1.0);
        if share < self.warmup {
            return (step + 1) as f64 / (self.warmup * steps as f64).max(1.0);
        }
        let rest = if self.warmup < 1.0 { (share - self.warmup) / (1.0 - self.warmup) } else { 1.0 };
        (self.factor)(&self.call, rest)
    }
}

fn constant(_call: &Call, _share: f64) -> f64 {
    1.0
}

/// Down to `floor` along half a cosine (Loshchilov and Hutter, 2017).
fn cosine(call: &Call, share: f64) -> f64 {
    let floor = call.float("floor").unwrap_or(0.0);
    floor + (1.0 - floor) * 0.5 * (1.0 + (std::f64::consts::PI * share).cos())
}

/// Down to `floor` in a line.
fn decay(call: &Call, share: f64) -> f64 {
    let floor = call.float("floor").unwrap_or(0.0);
    1.0 - (1.0 - floor) * share
}

/// From a 25th up to the rate over the first three tenths, then down to nothing, both along cosines (Smith and Topin, 2018).
fn one_cycle(_call: &Call, share: f64) -> f64 {
    const UP: f64 = 0.3;
    const FIRST: f64 = 0.04;
    let half = |share: f64| 0.5 * (1.0 - (std::f64::consts::PI * share).cos());
    if share < UP { FIRST + (1.0 - FIRST) * half(share / UP) } else { 1.0 - half((share - UP) / (1.0 - UP)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mlsys_plan::{Call, Value};

    use super::Schedule;

    #[test]
    fn rates_warm_up_and_go_down() {
        let args = BTreeMap::from([("warmup".to_owned(), Value::Float(0.1)), ("floor".to_owned(), Value::Float(0.2))]);
        let schedule = Schedule::of(Some(&Call { name: "cosine".to_owned(), args })).unwrap();
        let factors: Vec<f64> = (0..=100).map(|step| schedule.factor(step, 100)).collect();
        assert!((factors[0] - 0.1).abs() < 1e-12 && (factors[9] - 1.0).abs() < 1e-12);
        assert!(factors[10..].windows(2).all(|pair| pair[1] <= pair[0]));
        assert!((factors[55] - 0.6).abs() < 1e-12 && (factors[100] - 0.2).abs() < 1e-12);
    }
}
