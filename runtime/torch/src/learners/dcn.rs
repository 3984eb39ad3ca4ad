//! A deep and cross network, version 2 (Wang et al., 2021): `x₀ ⊙ (W xₗ + b) + xₗ`, beside an MLP.

use tch::Tensor;
use tch::nn::{self, Module};

use super::dense::{Dense, linear};
use super::inputs::Inputs;
use super::{Network, Shape, counted};
use crate::chance::Chance;
use crate::encoders::Encoded;
use crate::error::TrainError;

struct Dcn {
    inputs: Inputs,
    crosses: Vec<nn::Linear>,
    deep: Dense,
    output: nn::Linear,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let inputs = Inputs::all(&shape.path, shape.encoders);
    let width = inputs.width();
    let layers = counted(shape.call, "cross", 3);
    let crosses = (0..layers).map(|index| linear(&(&shape.path / "cross" / index), width, width)).collect();
    let deep = Dense::build(&(&shape.path / "deep"), shape.call, width)?;
    let output = linear(&(&shape.path / "output"), width + deep.width(), shape.outputs);
    Ok(Box::new(Dcn { inputs, crosses, deep, output }))
}

impl Network for Dcn {
    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Result<Tensor, TrainError> {
        let first = self.inputs.forward(rows);
        let crossed = self
            .crosses
            .iter()
            .fold(first.shallow_clone(), |crossed, cross| &first * cross.forward(&crossed) + &crossed);
        let deep = self.deep.forward(first, chance);
        Ok(self.output.forward(&Tensor::cat(&[crossed, deep], 1)))
    }
}
