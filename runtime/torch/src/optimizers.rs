//! Optimisers by their name in the language.

use mlsys_plan::Call;
use tch::nn::{self, OptimizerConfig, VarStore};

use crate::error::TrainError;

/// The optimiser of a `train` block over a network's variables.
pub(crate) fn build(call: &Call, variables: &VarStore) -> Result<nn::Optimizer, TrainError> {
    let number = |name: &str, default: f64| call.float(name).unwrap_or(default);
    match call.name.as_str() {
        "adam" => {
            let adam = nn::Adam {
                beta1: number("beta1", 0.9),
                beta2: number("beta2", 0.999),
                wd: number("weight_decay", 0.0),
                eps: 1e-8,
                amsgrad: false,
            };
            Ok(adam.build(variables, number("lr", 1e-3))?)
        }
        other => Err(TrainError::Unsupported(format!("the optimizer `{other}` cannot be used yet"))),
    }
}
