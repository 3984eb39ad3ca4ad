//! A multi-layer perceptron.

use tch::Tensor;
use tch::nn::{self, Module};

use super::dense::{Dense, linear};
use super::inputs::Inputs;
use super::{Network, Shape};
use crate::chance::Chance;
use crate::encoders::Encoded;
use crate::error::TrainError;

struct Mlp {
    inputs: Inputs,
    hidden: Dense,
    output: nn::Linear,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let inputs = Inputs::all(&shape.path, shape.encoders);
    let hidden = Dense::build(&(&shape.path / "hidden"), shape.call, inputs.width())?;
    let output = linear(&(&shape.path / "output"), hidden.width(), shape.outputs);
    Ok(Box::new(Mlp { inputs, hidden, output }))
}

impl Network for Mlp {
    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Result<Tensor, TrainError> {
        Ok(self.output.forward(&self.hidden.forward(self.inputs.forward(rows), chance)))
    }
}
