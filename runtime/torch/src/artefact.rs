//! A trained model on disk: `model.json` with the encoders and the learner, `model.safetensors` with the weights.

use std::fs;
use std::path::Path;

use mlsys_plan::{Call, Train};
use serde::{Deserialize, Serialize};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::learners::{self, Network};

/// The version of the folder's format.
const FORMAT: u32 = 1;

/// How many rows are predicted at once.
const CHUNK: i64 = 65_536;

/// A trained model: applies its own encoders, then its network.
pub struct Model {
    pub(crate) encoders: Encoders,
    pub(crate) variables: VarStore,
    pub(crate) network: Box<dyn Network>,
    description: Description,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Description {
    format: u32,
    model: String,
    label: Option<String>,
    learner: Call,
    encoders: Encoders,
}

impl Model {
    /// An untrained model.
    pub(crate) fn new(train: &Train, encoders: Encoders) -> Result<Self, TrainError> {
        let description = Description {
            format: FORMAT,
            model: train.model.clone(),
            label: train.label.clone(),
            learner: train.learner.clone(),
            encoders,
        };
        Model::build(description)
    }

    fn build(description: Description) -> Result<Self, TrainError> {
        let variables = VarStore::new(Device::Cpu);
        let network = learners::build(&variables.root(), &description.learner, &description.encoders)?;
        Ok(Model { encoders: description.encoders.clone(), variables, network, description })
    }

    /// How many numbers were learnt.
    pub(crate) fn parameters(&self) -> u64 {
        self.variables.trainable_variables().iter().map(|variable| variable.numel() as u64).sum()
    }

    /// Reads a model from its folder.
    ///
    /// # Errors
    /// The folder holds no model, or one of another format.
    pub fn load(folder: &Path) -> Result<Self, TrainError> {
        let path = folder.join("model.json");
        let fail = |reason: String| TrainError::Artefact { path: path.clone(), reason };
        let text = fs::read_to_string(&path).map_err(|error| fail(error.to_string()))?;
        let description: Description = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
        if description.format != FORMAT {
            return Err(fail(format!("it has format {}, this program reads {FORMAT}", description.format)));
        }
        let mut model = Model::build(description)?;
        model.variables.load(folder.join("model.safetensors")).map_err(|error| fail(error.to_string()))?;
        Ok(model)
    }

    /// Writes the model into a folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let fail = |reason: String| TrainError::Artefact { path: folder.to_path_buf(), reason };
        let text = serde_json::to_string_pretty(&self.description).map_err(|error| fail(error.to_string()))?;
        fs::write(folder.join("model.json"), text + "\n").map_err(|error| fail(error.to_string()))?;
        self.variables.save(folder.join("model.safetensors")).map_err(|error| fail(error.to_string()))
    }

    /// The probability that the label holds, for each of the rows.
    ///
    /// # Errors
    /// An input is missing among the examples' columns, or has an unusable type.
    pub fn predict(&self, examples: &Examples, rows: &[usize]) -> Result<Vec<f64>, TrainError> {
        let encoded = self.encoders.encode(examples, rows)?;
        self.predict_encoded(&encoded)
    }

    pub(crate) fn predict_encoded(&self, rows: &Encoded) -> Result<Vec<f64>, TrainError> {
        let total = rows.numbers.size()[0];
        let mut probabilities = Vec::new();
        let mut start = 0;
        while start < total {
            let length = CHUNK.min(total - start);
            let logits: Tensor = tch::no_grad(|| self.network.forward(&rows.narrow(start, length), false));
            let chunk = Vec::<f64>::try_from(logits.to_kind(Kind::Double).sigmoid())?;
            probabilities.extend(chunk);
            start += length;
        }
        Ok(probabilities)
    }
}
