//! Optimisers, one file each, by their name in the language. They work on all weights as one vector; what they remember is
//! plain tensors, so that a training can be cut off and go on.

mod adam;
mod adamw;
mod moments;
mod sgd;

use mlsys_plan::Call;
use tch::Tensor;

use crate::error::TrainError;
use crate::implemented::named;

/// Changes weights by their gradient.
pub(crate) trait Optimizer {
    /// The learning rate that the program names.
    fn rate(&self) -> f64;

    /// One step on weights, a vector, in place.
    fn step(&mut self, weights: &mut Tensor, gradient: &Tensor, rate: f64) -> Result<(), TrainError>;

    /// What it remembers, by name: vectors as long as the weights, and counts.
    fn memory(&self) -> Vec<(String, Tensor)>;

    /// Takes up what it remembered.
    fn remember(&mut self, memory: &[(String, Tensor)]);
}

/// Builds an optimiser for weights.
type Build = fn(&Call, &Tensor) -> Box<dyn Optimizer>;

/// Every optimiser by its name in the language.
pub(crate) const OPTIMIZERS: &[(&str, Build)] = &[("adam", adam::build), ("adamw", adamw::build), ("sgd", sgd::build)];

/// The optimiser of a `train` block for weights.
pub(crate) fn build(call: &Call, weights: &Tensor) -> Result<Box<dyn Optimizer>, TrainError> {
    Ok(named("optimizer", OPTIMIZERS, call)?(call, weights))
}
