//! A module written in PyTorch and saved as TorchScript: trained here, or only run.
//!
//! `forward` gets a float32 matrix, `rows × width`: the inputs side by side in the program's order, each as wide as its encoder
//! makes it. It returns a float32 matrix, `rows × outputs`, as the task has them.

mod check;

use mlsys_plan::{Call, Type, Value};
use tch::Tensor;

pub(crate) use check::check;

use super::{Network, Shape};
use crate::chance::Chance;
use crate::encoders::{Encoded, for_networks};
use crate::error::TrainError;
use crate::module::Module;

struct TorchScript {
    module: Module,
    outputs: usize,
    /// Whether its parameters are learnt; otherwise it is the same while training as while predicting.
    is_trained: bool,
}

/// What a module reads of an input whose encoder the program does not name: numbers alone.
pub(super) fn usual(ty: &Type) -> &'static str {
    match ty {
        Type::String | Type::Enum(_) | Type::Bytes => "one_hot",
        _ => for_networks(ty),
    }
}

pub(super) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    let lost = || TrainError::Unsupported("a module was asked for and none was read".to_owned());
    let module = shape.module.ok_or_else(lost)?.clone();
    let is_trained = is_trained(shape.call);
    if is_trained {
        let path = &shape.path / "module";
        for (name, parameter) in module.parameters()? {
            let learns = parameter.requires_grad();
            let _ = path.add(&name.replace('.', "_"), parameter, learns);
        }
    }
    Ok(Box::new(TorchScript { module, outputs: shape.outputs, is_trained }))
}

/// Whether a module's parameters are learnt.
fn is_trained(call: &Call) -> bool {
    !matches!(call.args.get("train"), Some(Value::Bool(false)))
}

impl Network for TorchScript {
    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Result<Tensor, TrainError> {
        let seed = chance.seed().filter(|_| self.is_trained);
        self.module.run(&rows.numbers, seed, self.outputs)
    }
}
