//! `focal`: binary cross entropy that counts easy examples less (Lin et al., 2017):
//! `-αₜ (1 - pₜ)^γ log pₜ`.

use mlsys_plan::Call;
use tch::{Reduction, Tensor};

use super::{Learnt, Loss};
use crate::error::TrainError;

pub(super) fn build(call: &Call, _learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    let (gamma, alpha) = (call.float("gamma").unwrap_or(2.0), call.float("alpha").unwrap_or(0.25));
    Ok(Box::new(move |outputs, targets| {
        let none: Option<Tensor> = None;
        let outputs = outputs.squeeze_dim(1);
        let entropy =
            outputs.f_binary_cross_entropy_with_logits(targets, none.as_ref(), none.as_ref(), Reduction::None)?;
        let probability = outputs.sigmoid();
        let (wrong, negative): (Tensor, Tensor) = (1.0 - &probability, 1.0 - targets);
        let right: Tensor = &probability * targets + wrong * negative;
        let weight: Tensor = targets * (2.0 * alpha - 1.0) + (1.0 - alpha);
        let easy: Tensor = 1.0 - right;
        Ok(weight * easy.pow_tensor_scalar(gamma) * entropy)
    }))
}
