//! What training changes of a network, kept apart from it: of the best epoch, and in a checkpoint.

use tch::{Device, Kind, Tensor};

use crate::artefact::Model;
use crate::error::TrainError;

/// The weights, and of a module everything that it keeps beside them.
pub(super) struct Kept {
    weights: Tensor,
    /// The module's file, as bytes.
    module: Option<Tensor>,
}

impl Kept {
    /// What a model is now.
    pub(super) fn of(model: &Model) -> Result<Self, TrainError> {
        let module = model.module().map(|module| module.bytes()).transpose()?;
        Ok(Kept { weights: model.weights()?.flat.copy(), module })
    }

    /// Makes a model what was kept.
    pub(super) fn put_into(&self, model: &mut Model, device: Device) -> Result<(), TrainError> {
        if let Some(module) = &self.module {
            model.set_module(module, device)?;
        }
        model.weights_mut()?.set(&self.weights)
    }

    /// The tensors under names that begin with this one.
    pub(super) fn named(&self, name: &str) -> Vec<(String, Tensor)> {
        let module = self.module.iter().map(|module| (format!("{name}.module"), module.shallow_clone()));
        module.chain([(name.to_owned(), self.weights.to_device(Device::Cpu))]).collect()
    }

    /// What was kept under a name; none if nothing was.
    pub(super) fn find(tensors: &[(String, Tensor)], name: &str, device: Device) -> Option<Self> {
        let named = |name: &str| tensors.iter().find(|(known, _)| known == name).map(|(_, tensor)| tensor);
        let weights = named(name)?.to_kind(Kind::Float).to_device(device);
        let module = named(&format!("{name}.module")).map(|module| module.to_kind(Kind::Uint8));
        Some(Kept { weights, module })
    }
}
