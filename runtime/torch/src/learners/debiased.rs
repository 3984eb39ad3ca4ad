//! What is learnt with and predicted without, such as the place at which an item was shown: its effect is added to the
//! outputs while training, so that inputs need not explain it (Guo et al., 2019).

use tch::Tensor;
use tch::nn::{self, Module};

use super::inputs::embedding;
use super::{Network, Shape};
use crate::chance::Chance;
use crate::encoders::{Encoded, Table};
use crate::error::TrainError;
use crate::sizes::dimension;

struct Debiased {
    network: Box<dyn Network>,
    /// Its place among the categories.
    place: i64,
    effect: nn::Embedding,
}

/// The network, with the effect of what it is learnt with beside it, if there is something.
pub(super) fn debiased(network: Box<dyn Network>, shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let Some((place, table)) = shape.encoders.debias() else { return Ok(network) };
    // Every effect begins at nothing.
    let all = Table { width: shape.outputs, reserved: table.size, ..table };
    let effect = embedding(&(&shape.path / "debias"), all);
    Ok(Box::new(Debiased { network, place: dimension(place), effect }))
}

impl Network for Debiased {
    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Result<Tensor, TrainError> {
        let outputs = self.network.forward(rows, chance)?;
        if !chance.is_training() {
            return Ok(outputs);
        }
        Ok(outputs + self.effect.forward(&rows.categories.select(1, self.place)))
    }

    fn penalty(&self) -> Option<Tensor> {
        self.network.penalty()
    }
}
