//! A gated recurrent unit (Cho et al., 2014) over the last items of a list, beside the other inputs.

use tch::Tensor;
use tch::nn::{self, RNN};

use super::sequence::{BesideOthers, Ordered};
use super::{Network, Shape, counted};
use crate::chance::Chance;
use crate::encoders::Encoded;
use crate::error::TrainError;
use crate::sizes::dimension;

struct Gru {
    ordered: Ordered,
    unit: nn::GRU,
    rest: BesideOthers,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let width = counted(shape.call, "hidden", 64);
    let ordered = Ordered::build(&(&shape.path / "sequence"), shape.call, shape.encoders)?;
    let config = nn::RNNConfig { batch_first: true, ..nn::RNNConfig::default() };
    let unit = nn::gru(&shape.path / "gru", dimension(ordered.width), dimension(width), config);
    Ok(Box::new(Gru { ordered, unit, rest: BesideOthers::build(shape, width) }))
}

impl Network for Gru {
    fn forward(&self, rows: &Encoded, _chance: &mut Chance) -> Result<Tensor, TrainError> {
        let (items, _) = self.ordered.forward(rows);
        // The last item stands in the last place: what the unit knows there is what it knows of the list.
        let (states, _) = self.unit.seq(&items);
        Ok(self.rest.forward(states.select(1, states.size()[1] - 1), rows))
    }
}
