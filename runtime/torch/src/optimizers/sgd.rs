//! Stochastic gradient descent with momentum, as PyTorch has it (Sutskever et al., 2013, with the rate outside).

use mlsys_plan::Call;
use tch::Tensor;

use super::Optimizer;
use crate::error::TrainError;

struct Sgd {
    velocity: Option<Tensor>,
    rate: f64,
    momentum: f64,
    decay: f64,
}

pub(super) fn build(call: &Call, _weights: &Tensor) -> Box<dyn Optimizer> {
    Box::new(Sgd {
        velocity: None,
        rate: call.float("lr").unwrap_or(0.01),
        momentum: call.float("momentum").unwrap_or(0.9),
        decay: call.float("weight_decay").unwrap_or(0.0),
    })
}

impl Optimizer for Sgd {
    fn rate(&self) -> f64 {
        self.rate
    }

    fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) -> Result<(), TrainError> {
        let gradient = gradient.f_add(&(weights.shallow_clone() * self.decay))?;
        let velocity = match &self.velocity {
            Some(velocity) => velocity.f_mul_scalar(self.momentum)?.f_add(&gradient)?,
            None => gradient,
        };
        let _ = weights.f_sub_(&(&velocity * rate))?;
        self.velocity = Some(velocity);
        Ok(())
    }

    fn memory(&self) -> Vec<(String, Tensor)> {
        self.velocity.iter().map(|velocity| ("velocity".to_owned(), velocity.shallow_clone())).collect()
    }

    fn remember(&mut self, memory: &[(String, Tensor)]) {
        let known = memory.iter().find(|(name, _)| name == "velocity");
        self.velocity = known.map(|(_, velocity)| velocity.copy());
    }
}
