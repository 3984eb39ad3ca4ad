//! A factorisation machine (Rendle, 2010): a linear model and the inner products of all pairs of fields' factors.
//!
//! A number has one vector of factors, scaled by its value; a category has one for each of its values.

use tch::nn::{self, Init, Module};
use tch::{Kind, Tensor};

use super::dense::linear;
use super::inputs::{Inputs, embedding};
use super::{Network, Shape, counted};
use crate::chance::Chance;
use crate::encoders::{Encoded, Table};
use crate::error::TrainError;
use crate::sizes::dimension;

struct FactorizationMachine {
    inputs: Inputs,
    linear: nn::Linear,
    /// `numbers × dim`.
    numbers: Option<Tensor>,
    categories: Vec<nn::Embedding>,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let dim = counted(shape.call, "dim", 16);
    let inputs = Inputs::all(&shape.path, shape.encoders);
    let linear = linear(&(&shape.path / "linear"), inputs.width(), shape.outputs);
    let categories = shape.encoders.tables().enumerate().map(|(at, table)| {
        let factors = embedding(&(&shape.path / "factors" / at), Table { width: dim, ..table });
        // Factors begin small: products of large ones would be most of the output before anything is learnt.
        tch::no_grad(|| drop(factors.ws.shallow_clone().f_mul_(&Tensor::from(0.05_f32))));
        factors
    });
    let categories = categories.collect();
    let width = shape.encoders.numbers();
    let init = Init::Randn { mean: 0.0, stdev: 0.05 };
    let numbers = (width > 0).then(|| shape.path.var("factors_of_numbers", &[dimension(width), dimension(dim)], init));
    Ok(Box::new(FactorizationMachine { inputs, linear, numbers, categories }))
}

impl Network for FactorizationMachine {
    fn forward(&self, rows: &Encoded, _chance: &mut Chance) -> Result<Tensor, TrainError> {
        let linear = self.linear.forward(&self.inputs.forward(rows));
        let mut sums: Vec<Tensor> = Vec::new();
        let mut squares: Vec<Tensor> = Vec::new();
        if let Some(factors) = &self.numbers {
            sums.push(rows.numbers.matmul(factors));
            squares.push(rows.numbers.square().matmul(&factors.square()));
        }
        for (at, factors) in (0_i64..).zip(&self.categories) {
            let found = factors.forward(&rows.categories.select(1, at));
            squares.push(found.square());
            sums.push(found);
        }
        let total = |parts: Vec<Tensor>| parts.into_iter().reduce(|left, right| left + right);
        let (Some(sum), Some(square)) = (total(sums), total(squares)) else { return Ok(linear) };
        // The sum over pairs is half of the square of the sum less the sum of squares.
        let kind: Kind = linear.kind();
        Ok(linear + (sum.square() - square).sum_dim_intlist(1, true, kind) * 0.5)
    }
}
