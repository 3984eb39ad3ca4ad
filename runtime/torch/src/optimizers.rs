//! Optimisers by their name in the language.

use mlsys_plan::Call;
use tch::nn::{self, OptimizerConfig, VarStore};

use crate::error::TrainError;
use crate::implemented::named;

/// Builds an optimiser over a network's variables.
type Build = fn(&Call, &VarStore) -> Result<nn::Optimizer, tch::TchError>;

/// Every optimiser by its name in the language.
pub(crate) const OPTIMIZERS: &[(&str, Build)] = &[("adam", adam), ("adamw", adamw), ("sgd", sgd)];

/// The optimiser of a `train` block over a network's variables.
pub(crate) fn build(call: &Call, variables: &VarStore) -> Result<nn::Optimizer, TrainError> {
    Ok(named("optimizer", OPTIMIZERS, call)?(call, variables)?)
}

fn adam(call: &Call, variables: &VarStore) -> Result<nn::Optimizer, tch::TchError> {
    let number = |name: &str, default: f64| call.float(name).unwrap_or(default);
    let adam = nn::Adam {
        beta1: number("beta1", 0.9),
        beta2: number("beta2", 0.999),
        wd: number("weight_decay", 0.0),
        eps: 1e-8,
        amsgrad: false,
    };
    adam.build(variables, number("lr", 1e-3))
}

fn adamw(call: &Call, variables: &VarStore) -> Result<nn::Optimizer, tch::TchError> {
    let number = |name: &str, default: f64| call.float(name).unwrap_or(default);
    let adamw = nn::AdamW {
        beta1: number("beta1", 0.9),
        beta2: number("beta2", 0.999),
        wd: number("weight_decay", 0.01),
        eps: 1e-8,
        amsgrad: false,
    };
    adamw.build(variables, number("lr", 1e-3))
}

fn sgd(call: &Call, variables: &VarStore) -> Result<nn::Optimizer, tch::TchError> {
    let number = |name: &str, default: f64| call.float(name).unwrap_or(default);
    let sgd =
        nn::Sgd { momentum: number("momentum", 0.9), dampening: 0.0, wd: number("weight_decay", 0.0), nesterov: false };
    sgd.build(variables, number("lr", 0.01))
}
