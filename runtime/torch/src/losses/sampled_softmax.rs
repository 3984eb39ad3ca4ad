//! `sampled_softmax`: a softmax over the row's own candidate and those of the rows that are computed with it (Yi et al.,
//! 2019, without their correction for frequent candidates).

use mlsys_plan::Call;
use tch::{Kind, Reduction, Tensor};

use super::{Learnt, Loss};
use crate::error::TrainError;

pub(super) fn build(call: &Call, _learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    let temperature = call.float("temperature").unwrap_or(1.0);
    Ok(Box::new(move |outputs, _targets| {
        let none: Option<Tensor> = None;
        let (rows, half) = (outputs.size()[0], outputs.size()[1] / 2);
        let (query, candidate) = (outputs.narrow(1, 0, half), outputs.narrow(1, half, half));
        let scores = query.f_matmul(&candidate.transpose(0, 1))? / temperature;
        let own = Tensor::arange(rows, (Kind::Int64, outputs.device()));
        Ok(scores.f_cross_entropy_loss(&own, none, Reduction::None, -100, 0.0)?)
    }))
}
