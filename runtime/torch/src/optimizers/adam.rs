//! Adam (Kingma and Ba, 2015); a weight decay is a part of the gradient.

use mlsys_plan::Call;
use tch::Tensor;

use super::Optimizer;
use super::moments::Moments;
use crate::error::TrainError;

struct Adam {
    moments: Moments,
    rate: f64,
    decay: f64,
}

pub(super) fn build(call: &Call, weights: &Tensor) -> Box<dyn Optimizer> {
    Box::new(Adam {
        moments: Moments::new(call, weights),
        rate: call.float("lr").unwrap_or(1e-3),
        decay: call.float("weight_decay").unwrap_or(0.0),
    })
}

impl Optimizer for Adam {
    fn rate(&self) -> f64 {
        self.rate
    }

    fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) -> Result<(), TrainError> {
        if self.decay > 0.0 {
            let decayed = gradient.f_add(&(weights.shallow_clone() * self.decay))?;
            return self.moments.step(weights, &decayed, rate);
        }
        self.moments.step(weights, gradient, rate)
    }

    fn memory(&self) -> Vec<(String, Tensor)> {
        self.moments.memory()
    }

    fn remember(&mut self, memory: &[(String, Tensor)]) {
        self.moments.remember(memory);
    }
}
