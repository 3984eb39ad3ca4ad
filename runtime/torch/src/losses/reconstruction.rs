//! `reconstruction`: how badly a row is restored, which is what an autoencoder puts out.

use mlsys_plan::Call;

use super::{Learnt, Loss};
use crate::error::TrainError;

pub(super) fn build(_call: &Call, _learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    Ok(Box::new(|outputs, _targets| Ok(outputs.squeeze_dim(1))))
}
