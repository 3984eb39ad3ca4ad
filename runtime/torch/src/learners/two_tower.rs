//! Two towers: one reads the query inputs, one the candidate inputs; factors of unit length are compared by their inner
//! product.

use mlsys_plan::{Call, Value};
use tch::Tensor;
use tch::nn::{self, Module, Path};

use super::dense::{Dense, linear};
use super::inputs::Inputs;
use super::{Network, Shape, counted};
use crate::chance::Chance;
use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;

struct TwoTower {
    query: Tower,
    candidate: Tower,
}

struct Tower {
    inputs: Inputs,
    hidden: Dense,
    output: nn::Linear,
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let query = Tower::build(&(&shape.path / "query"), shape.call, shape.encoders, "query")?;
    let candidate = Tower::build(&(&shape.path / "candidate"), shape.call, shape.encoders, "candidate")?;
    Ok(Box::new(TwoTower { query, candidate }))
}

/// The inputs that an argument names.
pub(crate) fn named(call: &Call, argument: &str) -> Vec<String> {
    let named = call.list(argument).unwrap_or_default().iter();
    let names = named.filter_map(|value| match value {
        Value::String(name) => Some(name.clone()),
        _ => None,
    });
    names.collect()
}

impl Tower {
    fn build(path: &Path<'_>, call: &Call, encoders: &Encoders, argument: &str) -> Result<Self, TrainError> {
        let named = named(call, argument);
        let inputs = Inputs::of(path, encoders, |name| named.iter().any(|known| known == name));
        let hidden = Dense::build(&(path / "hidden"), call, inputs.width())?;
        let output = linear(&(path / "output"), hidden.width(), counted(call, "dim", 64));
        Ok(Tower { inputs, hidden, output })
    }

    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Tensor {
        let factors = self.output.forward(&self.hidden.forward(self.inputs.forward(rows), chance));
        let length = factors.square().sum_dim_intlist(1, true, factors.kind()).sqrt().clamp_min(1e-12);
        factors / length
    }
}

impl Network for TwoTower {
    /// The factors of the query, then those of the candidate.
    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Result<Tensor, TrainError> {
        Ok(Tensor::cat(&[self.query.forward(rows, chance), self.candidate.forward(rows, chance)], 1))
    }
}
