//! A wide linear part beside a deep one (Cheng et al., 2016); their outputs are added.

use tch::Tensor;
use tch::nn::{self, Module};

use super::dense::{Dense, linear};
use super::inputs::{Inputs, embedding};
use super::{Network, Shape};
use crate::chance::Chance;
use crate::encoders::{Encoded, Table};
use crate::error::TrainError;

struct WideAndDeep {
    inputs: Inputs,
    deep: Dense,
    output: nn::Linear,
    /// The wide part over numbers; none where there are none.
    wide: Option<nn::Linear>,
    /// The wide part over categories: a weight for each value.
    weights: Vec<nn::Embedding>,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let inputs = Inputs::all(&shape.path, shape.encoders);
    let deep = Dense::build(&(&shape.path / "deep"), shape.call, inputs.width())?;
    let output = linear(&(&shape.path / "output"), deep.width(), shape.outputs);
    let weights =
        shape.encoders.tables().enumerate().map(|(at, table)| {
            embedding(&(&shape.path / "wide_category" / at), Table { width: shape.outputs, ..table })
        });
    let weights = weights.collect();
    let numbers = shape.encoders.numbers();
    let wide = (numbers > 0).then(|| linear(&(&shape.path / "wide"), numbers, shape.outputs));
    Ok(Box::new(WideAndDeep { inputs, deep, output, wide, weights }))
}

impl Network for WideAndDeep {
    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Result<Tensor, TrainError> {
        let mut output = self.output.forward(&self.deep.forward(self.inputs.forward(rows), chance));
        if let Some(wide) = &self.wide {
            output += wide.forward(&rows.numbers);
        }
        for (at, weights) in (0_i64..).zip(&self.weights) {
            output += weights.forward(&rows.categories.select(1, at));
        }
        Ok(output)
    }
}
