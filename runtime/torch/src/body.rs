//! What was learnt: a network's weights, or a module of PyTorch with its own.

use std::path::Path;

use mlsys_plan::Call;
use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::chance::{Chance, FLOAT};
use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;
use crate::fit::Weights;
use crate::learners::{self, Network, Shape};
use crate::module::{Module, ModuleFile};

/// What a learner leaves.
pub(crate) trait Body: Send {
    /// The outputs of rows, as the model's head has them.
    fn outputs(&self, rows: &Encoded) -> Result<Tensor, TrainError>;

    /// How many numbers were learnt.
    fn parameters(&self) -> u64;

    /// The file that it is written to.
    fn file(&self) -> &'static str;

    /// Writes it into a folder.
    fn save(&self, folder: &Path) -> Result<(), TrainError>;

    /// The weights, if it is a network.
    fn weights(&self) -> Option<&Weights> {
        None
    }

    /// The module of PyTorch, if it is one.
    fn module(&self) -> Option<&Module> {
        None
    }

    /// The weights, if it is a network.
    fn weights_mut(&mut self) -> Option<&mut Weights> {
        None
    }
}

/// The file with a network's weights.
const WEIGHTS: &str = "model.safetensors";

/// The file with a module of PyTorch.
const MODULE: &str = "model.pt";

/// A network.
pub(crate) struct Net {
    network: Box<dyn Network>,
    weights: Weights,
    variables: VarStore,
    module: Option<Module>,
    device: Device,
}

impl Net {
    /// A network with weights by chance, or with those of a module.
    pub(crate) fn build(
        call: &Call,
        encoders: &Encoders,
        outputs: usize,
        device: Device,
        module: Option<Module>,
    ) -> Result<Self, TrainError> {
        let variables = VarStore::new(device);
        let shape = Shape { path: variables.root(), call, encoders, outputs, module: module.as_ref() };
        let network = learners::build(&shape)?;
        let weights = Weights::of(&variables)?;
        Ok(Net { network, weights, variables, module, device })
    }

    /// The module of PyTorch that lies in a folder.
    pub(crate) fn module_in(folder: &Path) -> Result<Module, TrainError> {
        let path = folder.join(MODULE);
        let unreadable = |error: TrainError| TrainError::Artefact { path: path.clone(), reason: error.to_string() };
        ModuleFile::read(&path, MODULE).and_then(|file| file.load(Device::Cpu)).map_err(unreadable)
    }

    /// Reads the weights from a folder.
    pub(crate) fn read(&mut self, folder: &Path) -> Result<(), TrainError> {
        let path = folder.join(WEIGHTS);
        let fail = |error: tch::TchError| TrainError::Artefact { path: path.clone(), reason: error.to_string() };
        self.variables.load(&path).map_err(fail)
    }
}

impl Body for Net {
    fn outputs(&self, rows: &Encoded) -> Result<Tensor, TrainError> {
        let outputs = self.network.forward(&rows.to(self.device, FLOAT), &mut Chance::none())?;
        Ok(outputs.to_device(Device::Cpu))
    }

    fn parameters(&self) -> u64 {
        self.weights.count()
    }

    fn file(&self) -> &'static str {
        if self.module.is_some() { MODULE } else { WEIGHTS }
    }

    fn save(&self, folder: &Path) -> Result<(), TrainError> {
        if let Some(module) = &self.module {
            return module.save(&folder.join(MODULE));
        }
        let path = folder.join(WEIGHTS);
        let fail = |error: tch::TchError| TrainError::Artefact { path: path.clone(), reason: error.to_string() };
        self.variables.save(&path).map_err(fail)
    }

    fn weights(&self) -> Option<&Weights> {
        Some(&self.weights)
    }

    fn module(&self) -> Option<&Module> {
        self.module.as_ref()
    }

    fn weights_mut(&mut self) -> Option<&mut Weights> {
        Some(&mut self.weights)
    }
}
