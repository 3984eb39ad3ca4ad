//! `cross_entropy`: the negative log likelihood of a class of many, classes weighed.

use mlsys_plan::Call;
use tch::{Reduction, Tensor};

use super::{Learnt, Loss, weights};
use crate::error::TrainError;

pub(super) fn build(call: &Call, learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    let weights = weights::of(call, "weights", learnt.labels)?;
    let weights = weights.map(|weights| weights.into_iter().map(|weight| weight as f32).collect::<Vec<f32>>());
    Ok(Box::new(move |outputs, targets| {
        let weights = weights.as_ref().map(|weights| Tensor::from_slice(weights).to_device(outputs.device()));
        Ok(outputs.f_cross_entropy_loss(targets, weights, Reduction::None, -100, 0.0)?)
    }))
}
