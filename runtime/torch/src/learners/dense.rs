//! Layers one after the other, each a linear map, ReLU and dropout: a part of most learners.

use mlsys_plan::{Call, Value};
use tch::Tensor;
use tch::nn::{self, Module, Path};

use crate::chance::Chance;
use crate::error::TrainError;
use crate::sizes::dimension;

/// Hidden layers.
pub(super) struct Dense {
    layers: Vec<nn::Linear>,
    dropout: f64,
    width: usize,
}

impl Dense {
    /// The layers that a learner's `hidden` lists, over rows of that width.
    pub(super) fn build(path: &Path<'_>, call: &Call, width: usize) -> Result<Self, TrainError> {
        let mut width = width;
        let mut layers = Vec::new();
        for (index, size) in widths(call)?.into_iter().enumerate() {
            layers.push(linear(&(path / index), width, size));
            width = size;
        }
        Ok(Dense { layers, dropout: call.float("dropout").unwrap_or(0.0), width })
    }

    /// How wide the last layer is.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn forward(&self, rows: Tensor, chance: &mut Chance) -> Tensor {
        self.layers.iter().fold(rows, |rows, layer| chance.dropout(&layer.forward(&rows).relu_(), self.dropout))
    }
}

/// A linear map.
pub(super) fn linear(path: &Path<'_>, from: usize, to: usize) -> nn::Linear {
    nn::linear(path, dimension(from), dimension(to), nn::LinearConfig::default())
}

/// The widths that `hidden` lists.
pub(super) fn widths(call: &Call) -> Result<Vec<usize>, TrainError> {
    let written = call.list("hidden").unwrap_or_default();
    let widths: Option<Vec<usize>> = written
        .iter()
        .map(|width| match width {
            Value::Int(width) => usize::try_from(*width).ok().filter(|width| *width > 0),
            _ => None,
        })
        .collect();
    widths.ok_or_else(|| TrainError::Unsupported("the widths of hidden layers must be positive integers".to_owned()))
}
