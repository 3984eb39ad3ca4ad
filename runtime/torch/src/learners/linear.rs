//! A linear model: logistic regression for classes. `l2` times the sum of squared weights is added to the mean loss.

use tch::Tensor;
use tch::nn::{self, Module};

use super::dense::linear;
use super::inputs::Inputs;
use super::{Network, Shape};
use crate::chance::Chance;
use crate::encoders::Encoded;
use crate::error::TrainError;

struct Linear {
    inputs: Inputs,
    output: nn::Linear,
    l2: f64,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let inputs = Inputs::all(&shape.path, shape.encoders);
    let output = linear(&(&shape.path / "output"), inputs.width(), shape.outputs);
    Ok(Box::new(Linear { inputs, output, l2: shape.call.float("l2").unwrap_or(0.0) }))
}

impl Network for Linear {
    fn forward(&self, rows: &Encoded, _chance: &mut Chance) -> Result<Tensor, TrainError> {
        Ok(self.output.forward(&self.inputs.forward(rows)))
    }

    fn penalty(&self) -> Option<Tensor> {
        (self.l2 > 0.0).then(|| self.output.ws.square().sum(tch::Kind::Float) * self.l2)
    }
}
