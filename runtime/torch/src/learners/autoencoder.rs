//! An autoencoder: a row is pressed through narrow layers and restored; how badly says how unusual it is.
//!
//! Numbers are held against what is restored by their squared difference, categories by the negative log likelihood of
//! the value; the mean over inputs is the output.

use tch::nn::{self, Module};
use tch::{Kind, Tensor};

use super::dense::{linear, widths};
use super::inputs::Inputs;
use super::{Network, Shape};
use crate::chance::Chance;
use crate::encoders::Encoded;
use crate::error::TrainError;

struct Autoencoder {
    inputs: Inputs,
    layers: Vec<nn::Linear>,
    /// Restores numbers; none where there are none.
    numbers: Option<nn::Linear>,
    /// Restores categories: a logit for each value.
    categories: Vec<nn::Linear>,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let inputs = Inputs::all(&shape.path, shape.encoders);
    let narrowing = widths(shape.call)?;
    // Down to the narrowest layer, and up again.
    let mirrored = narrowing.iter().copied().chain(narrowing.iter().rev().skip(1).copied());
    let (mut layers, mut width) = (Vec::new(), inputs.width());
    for (index, size) in mirrored.enumerate() {
        layers.push(linear(&(&shape.path / "layer" / index), width, size));
        width = size;
    }
    let tables = shape.encoders.tables().enumerate();
    let categories = tables.map(|(at, table)| linear(&(&shape.path / "category" / at), width, table.size)).collect();
    let count = shape.encoders.numbers();
    let numbers = (count > 0).then(|| linear(&(&shape.path / "numbers"), width, count));
    Ok(Box::new(Autoencoder { inputs, layers, numbers, categories }))
}

impl Network for Autoencoder {
    fn forward(&self, rows: &Encoded, _chance: &mut Chance) -> Result<Tensor, TrainError> {
        let first = self.inputs.forward(rows);
        let inner = self.layers.iter().fold(first, |rows, layer| layer.forward(&rows).relu());
        let mut errors: Vec<Tensor> = Vec::new();
        if let Some(numbers) = &self.numbers {
            errors.push((numbers.forward(&inner) - &rows.numbers).square());
        }
        for (at, category) in (0_i64..).zip(&self.categories) {
            let log = category.forward(&inner).log_softmax(1, Kind::Float);
            errors.push(-log.gather(1, &rows.categories.select(1, at).unsqueeze(1), false));
        }
        let all = Tensor::cat(&errors, 1);
        Ok(all.mean_dim(1, true, Kind::Float))
    }
}
