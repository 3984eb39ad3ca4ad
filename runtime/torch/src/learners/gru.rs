//! A gated recurrent unit (Cho et al., 2014) over the last items of a list, beside the other inputs.

use tch::Tensor;
use tch::nn::{self, Module, RNN};

use super::dense::linear;
use super::inputs::Inputs;
use super::sequence::Ordered;
use super::{Network, Shape, counted, dimension};
use crate::chance::Chance;
use crate::encoders::Encoded;
use crate::error::TrainError;

struct Gru {
    ordered: Ordered,
    unit: nn::GRU,
    others: Inputs,
    hidden: nn::Linear,
    output: nn::Linear,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let width = counted(shape.call, "hidden", 64);
    let sequence = shape.call.string("sequence").unwrap_or_default();
    let ordered = Ordered::build(&(&shape.path / "sequence"), shape.call, shape.encoders)?;
    let config = nn::RNNConfig { batch_first: true, ..nn::RNNConfig::default() };
    let unit = nn::gru(&shape.path / "gru", dimension(ordered.width), dimension(width), config);
    let others = Inputs::of(&(&shape.path / "others"), shape.encoders, |name| name != sequence);
    let hidden = linear(&(&shape.path / "hidden"), width + others.width(), width);
    let output = linear(&(&shape.path / "output"), width, shape.outputs);
    Ok(Box::new(Gru { ordered, unit, others, hidden, output }))
}

impl Network for Gru {
    fn forward(&self, rows: &Encoded, _chance: &mut Chance) -> Tensor {
        let (items, _) = self.ordered.forward(rows);
        // The last item stands in the last place: what the unit knows there is what it knows of the list.
        let (states, _) = self.unit.seq(&items);
        let last = states.select(1, states.size()[1] - 1);
        let both = Tensor::cat(&[last, self.others.forward(rows)], 1);
        self.output.forward(&self.hidden.forward(&both).relu())
    }
}
