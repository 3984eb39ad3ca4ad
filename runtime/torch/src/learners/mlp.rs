//! A multi-layer perceptron over standardised numbers and learnt embeddings of categories.

use mlsys_plan::{Call, Value};
use tch::Tensor;
use tch::nn::{self, Module, Path};

use super::{Network, dimension};
use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;

struct Mlp {
    embeddings: Vec<nn::Embedding>,
    hidden: Vec<nn::Linear>,
    output: nn::Linear,
    dropout: f64,
}

pub(super) fn build(path: &Path<'_>, learner: &Call, encoders: &Encoders) -> Result<Box<dyn Network>, TrainError> {
    let mut width = encoders.width();
    let mut embeddings = Vec::new();
    for (index, category) in encoders.categories().enumerate() {
        let (size, dimensions) = (dimension(category.size()), dimension(category.width()));
        let at = path / "embedding" / index;
        let embedding = nn::embedding(at, size, dimensions, nn::EmbeddingConfig::default());
        // What training never sees must not carry noise: unknown and missing values begin at the origin.
        let _ = tch::no_grad(|| embedding.ws.narrow(0, 0, 2).zero_());
        embeddings.push(embedding);
        width += category.width();
    }
    let mut hidden = Vec::new();
    for (index, size) in widths(learner)?.into_iter().enumerate() {
        hidden.push(nn::linear(
            path / "hidden" / index,
            dimension(width),
            dimension(size),
            nn::LinearConfig::default(),
        ));
        width = size;
    }
    let output = nn::linear(path / "output", dimension(width), 1, nn::LinearConfig::default());
    let dropout = learner.float("dropout").unwrap_or(0.0);
    Ok(Box::new(Mlp { embeddings, hidden, output, dropout }))
}

fn widths(learner: &Call) -> Result<Vec<usize>, TrainError> {
    let written = learner.list("hidden").unwrap_or_default();
    let widths: Option<Vec<usize>> = written
        .iter()
        .map(|width| match width {
            Value::Int(width) => usize::try_from(*width).ok().filter(|width| *width > 0),
            _ => None,
        })
        .collect();
    widths.ok_or_else(|| TrainError::Unsupported("the widths of hidden layers must be positive integers".to_owned()))
}

impl Network for Mlp {
    fn forward(&self, rows: &Encoded, training: bool) -> Tensor {
        let mut columns = vec![rows.numbers.shallow_clone()];
        for (index, embedding) in self.embeddings.iter().enumerate() {
            columns.push(embedding.forward(&rows.categories.select(1, dimension(index))));
        }
        let mut layer = Tensor::cat(&columns, 1);
        for linear in &self.hidden {
            layer = linear.forward(&layer).relu();
            if self.dropout > 0.0 {
                layer = layer.dropout(self.dropout, training);
            }
        }
        self.output.forward(&layer).squeeze_dim(1)
    }
}
