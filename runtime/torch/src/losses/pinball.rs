//! `pinball`: the pinball loss of every quantile (Koenker and Bassett, 1978), their mean.

use mlsys_plan::Call;
use tch::{Kind, Tensor};

use super::{Learnt, Loss};
use crate::error::TrainError;
use crate::heads::Head;

pub(super) fn build(_call: &Call, learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    let Head::Quantile { quantiles, .. } = learnt.head else {
        return Err(TrainError::Unsupported("the loss `pinball` learns quantiles".to_owned()));
    };
    let quantiles: Vec<f32> = quantiles.iter().map(|quantile| *quantile as f32).collect();
    Ok(Box::new(move |outputs, targets| {
        let quantiles = Tensor::from_slice(&quantiles).to_device(outputs.device());
        let below = targets.unsqueeze(1) - outputs;
        let loss = (&below * &quantiles).maximum(&(&below * (quantiles - 1.0)));
        Ok(loss.mean_dim(1, false, Kind::Float))
    }))
}
