//! `binary_cross_entropy`: the negative log likelihood of a truth value, positives weighed.

use mlsys_plan::Call;
use tch::{Reduction, Tensor};

use super::{Learnt, Loss, weights};
use crate::error::TrainError;

pub(super) fn build(call: &Call, learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    let weight = weights::of(call, "positive_weight", learnt.labels)?;
    let weight = weight.and_then(|weights| weights.get(1).copied()).map(|weight| weight as f32);
    Ok(Box::new(move |outputs, targets| {
        let none: Option<Tensor> = None;
        let weight = weight.map(|weight| Tensor::from_slice(&[weight]).to_device(outputs.device()));
        let outputs = outputs.squeeze_dim(1);
        Ok(outputs.f_binary_cross_entropy_with_logits(targets, none, weight, Reduction::None)?)
    }))
}
