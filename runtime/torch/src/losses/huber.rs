//! `huber`: squared for small errors, absolute beyond `delta` (Huber, 1964), which is in the unit of the label.

use mlsys_plan::Call;
use tch::Reduction;

use super::{Learnt, Loss};
use crate::error::TrainError;
use crate::heads::Head;

pub(super) fn build(call: &Call, learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    let deviation = match learnt.head {
        Head::Regression { deviation, .. } => *deviation,
        _ => 1.0,
    };
    let delta = call.float("delta").unwrap_or(1.0) / deviation;
    Ok(Box::new(move |outputs, targets| Ok(outputs.squeeze_dim(1).f_huber_loss(targets, Reduction::None, delta)?)))
}
