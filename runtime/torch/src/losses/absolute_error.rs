//! `absolute_error`: the absolute difference to the target.

use mlsys_plan::Call;

use super::{Learnt, Loss};
use crate::error::TrainError;

pub(super) fn build(_call: &Call, _learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    Ok(Box::new(|outputs, targets| Ok((outputs.squeeze_dim(1) - targets).abs())))
}
