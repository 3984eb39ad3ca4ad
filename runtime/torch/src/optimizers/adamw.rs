//! Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

use mlsys_plan::Call;
use tch::Tensor;

use super::Optimizer;
use super::moments::Moments;
use crate::error::TrainError;

struct AdamW {
    moments: Moments,
    rate: f64,
    decay: f64,
}

pub(super) fn build(call: &Call, weights: &Tensor) -> Box<dyn Optimizer> {
    Box::new(AdamW {
        moments: Moments::new(call, weights),
        rate: call.float("lr").unwrap_or(1e-3),
        decay: call.float("weight_decay").unwrap_or(0.01),
    })
}

impl Optimizer for AdamW {
    fn rate(&self) -> f64 {
        self.rate
    }

    fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) -> Result<(), TrainError> {
        let _ = weights.f_mul_scalar_(1.0 - rate * self.decay)?;
        self.moments.step(weights, gradient, rate)
    }

    fn memory(&self) -> Vec<(String, Tensor)> {
        self.moments.memory()
    }

    fn remember(&mut self, memory: &[(String, Tensor)]) {
        self.moments.remember(memory);
    }
}
