//! Running means of gradients and of their squares: what Adam and AdamW share (Kingma and Ba, 2015).

use mlsys_plan::Call;
use tch::Tensor;

use super::Optimizer;
use crate::error::TrainError;

/// Keeps the denominator from zero: the paper's value and PyTorch's.
const EPSILON: f64 = 1e-8;

/// What weights decay by.
pub(super) enum Decay {
    /// So much of the weights is added to the gradient.
    OfGradient(f64),
    /// So much of the learning rate is taken off the weights.
    OfWeights(f64),
}

/// Running means of gradients.
pub(super) struct Moments {
    rate: f64,
    decay: Decay,
    first: Tensor,
    second: Tensor,
    beta1: f64,
    beta2: f64,
    steps: i64,
}

impl Moments {
    pub(super) fn new(call: &Call, weights: &Tensor, decay: Decay) -> Self {
        Moments {
            rate: call.float("lr").unwrap_or(1e-3),
            decay,
            first: weights.zeros_like(),
            second: weights.zeros_like(),
            beta1: call.float("beta1").unwrap_or(0.9),
            beta2: call.float("beta2").unwrap_or(0.999),
            steps: 0,
        }
    }

    /// Moves weights against the mean gradient, in the order of PyTorch's operations.
    fn advance(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) -> Result<(), TrainError> {
        self.steps += 1;
        #[expect(clippy::cast_possible_truncation, reason = "beyond two billion steps the correction is nothing")]
        let steps = self.steps.min(i64::from(i32::MAX)) as i32;
        let (unbiased1, unbiased2) = (1.0 - self.beta1.powi(steps), 1.0 - self.beta2.powi(steps));
        let _ = self.first.f_lerp_(gradient, 1.0 - self.beta1)?;
        let _ = self.second.f_mul_scalar_(self.beta2)?;
        let squared = gradient.f_square()?;
        let _ = self.second.f_add_(&(squared * (1.0 - self.beta2)))?;
        let denominator = self.second.f_sqrt()?.f_div_scalar_(unbiased2.sqrt())?.f_add_scalar_(EPSILON)?;
        let _ = weights.f_sub_(&(self.first.f_div(&denominator)? * (rate / unbiased1)))?;
        Ok(())
    }
}

impl Optimizer for Moments {
    fn rate(&self) -> f64 {
        self.rate
    }

    fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) -> Result<(), TrainError> {
        match self.decay {
            Decay::OfGradient(decay) if decay > 0.0 => {
                let decayed = gradient.f_add(&(weights.shallow_clone() * decay))?;
                self.advance(weights, &decayed, rate)
            }
            Decay::OfGradient(_) => self.advance(weights, gradient, rate),
            Decay::OfWeights(decay) => {
                let _ = weights.f_mul_scalar_(1.0 - rate * decay)?;
                self.advance(weights, gradient, rate)
            }
        }
    }

    fn memory(&self) -> Vec<(String, Tensor)> {
        vec![
            ("first".to_owned(), self.first.shallow_clone()),
            ("second".to_owned(), self.second.shallow_clone()),
            ("steps".to_owned(), Tensor::from(self.steps)),
        ]
    }

    fn remember(&mut self, memory: &[(String, Tensor)]) {
        for (name, value) in memory {
            match name.as_str() {
                "first" => self.first = value.copy().to_device(self.first.device()),
                "second" => self.second = value.copy().to_device(self.second.device()),
                "steps" => self.steps = value.int64_value(&[]),
                _ => {}
            }
        }
    }
}
