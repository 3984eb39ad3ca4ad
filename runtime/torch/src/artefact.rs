//! A trained model on disk: `model.json` with head, encoders and learner, and the learner's own file with what was learnt.

use std::fs;
use std::path::Path;

use mlsys_plan::{Call, Train};
use serde::{Deserialize, Serialize};
use tch::{Device, Tensor};

use crate::body::{Body, Net};
use crate::calibration::Calibration;
use crate::data::Data;
use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;
use crate::examples::Examples;
use crate::fit::Weights;
use crate::heads::Head;
use crate::learners::{Method, learner};
use crate::module::{Module, ModuleFile};

/// The version of the folder's format.
const FORMAT: u32 = 2;

/// How many rows are predicted at once.
const CHUNK: i64 = 65_536;

/// A trained model: applies its own encoders, then what was learnt.
pub struct Model {
    description: Description,
    body: Box<dyn Body>,
}

#[derive(Serialize, Deserialize)]
struct Description {
    format: u32,
    model: String,
    label: Option<String>,
    learner: Call,
    /// The file beside it, with what was learnt.
    learnt: String,
    head: Head,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
    encoders: Encoders,
}

/// What one row's prediction is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The probability that the label holds.
    Probability,
    /// The probability of each of these classes.
    Classes(Vec<String>),
    /// A number: of a regression, or how far up the row belongs, or how unusual it is.
    Number,
    /// These quantiles of a number.
    Quantiles(Vec<f64>),
}

impl Model {
    /// An untrained network.
    pub(crate) fn network(train: &Train, data: &Data, device: Device) -> Result<Self, TrainError> {
        let module = data.module.as_ref().map(|file| file.load(device)).transpose()?;
        let body = Net::build(&train.learner, &data.encoders, data.head.outputs(), device, module)?;
        Ok(Model::new(train, data, Box::new(body)))
    }

    /// A model with what was learnt.
    pub(crate) fn new(train: &Train, data: &Data, body: Box<dyn Body>) -> Self {
        let description = Description {
            format: FORMAT,
            model: train.model.clone(),
            label: train.label.clone(),
            learner: train.learner.clone(),
            learnt: body.file().to_owned(),
            head: data.head.clone(),
            calibration: None,
            encoders: data.encoders.clone(),
        };
        Model { description, body }
    }

    /// How many numbers were learnt.
    pub(crate) fn parameters(&self) -> u64 {
        self.body.parameters()
    }

    /// What its outputs mean.
    pub(crate) fn head(&self) -> &Head {
        &self.description.head
    }

    pub(crate) fn set_head(&mut self, head: Head) {
        self.description.head = head;
    }

    pub(crate) fn set_calibration(&mut self, calibration: Option<Calibration>) {
        self.description.calibration = calibration;
    }

    /// What learnt it, with its arguments.
    pub(crate) fn learner(&self) -> &Call {
        &self.description.learner
    }

    pub(crate) fn encoders(&self) -> &Encoders {
        &self.description.encoders
    }

    /// The weights of a network.
    pub(crate) fn weights(&self) -> Result<&Weights, TrainError> {
        self.body.weights().ok_or_else(no_network)
    }

    pub(crate) fn weights_mut(&mut self) -> Result<&mut Weights, TrainError> {
        self.body.weights_mut().ok_or_else(no_network)
    }

    /// The module of PyTorch that it is, if it is one.
    pub(crate) fn module(&self) -> Option<&Module> {
        self.body.module()
    }

    /// Puts a module's file, as bytes, in the place of the module.
    pub(crate) fn set_module(&mut self, file: &Tensor, device: Device) -> Result<(), TrainError> {
        let name = self.module().map_or("", Module::name);
        let module = ModuleFile::of(name, Vec::<u8>::try_from(file)?).load(device)?;
        let Description { learner, encoders, head, .. } = &self.description;
        self.body = Box::new(Net::build(learner, encoders, head.outputs(), device, Some(module))?);
        Ok(())
    }

    /// What a prediction is made of.
    pub fn answer(&self) -> Answer {
        match self.head() {
            Head::Binary | Head::Ranking { graded: false } => Answer::Probability,
            Head::Multiclass { classes } => Answer::Classes(classes.clone()),
            Head::Quantile { quantiles, .. } => Answer::Quantiles(quantiles.clone()),
            Head::Regression { .. } | Head::Ranking { graded: true } | Head::Retrieval | Head::Anomaly { .. } => {
                Answer::Number
            }
        }
    }

    /// Reads a model from its folder.
    ///
    /// # Errors
    /// The folder holds no model, or one of another format.
    pub fn load(folder: &Path) -> Result<Self, TrainError> {
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let path = folder.join("model.json");
        let fail = |reason: String| TrainError::Artefact { path: path.clone(), reason };
        let text = fs::read_to_string(&path).map_err(|error| fail(error.to_string()))?;
        let header: Header = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
        if header.format != FORMAT {
            return Err(fail(format!("it has format {}, this program reads {FORMAT}", header.format)));
        }
        let description: Description = serde_json::from_str(&text).map_err(|error| fail(error.to_string()))?;
        let body: Box<dyn Body> = match &learner(&description.learner)?.method {
            Method::Own { read, .. } => read(folder)?,
            Method::Network(_) => {
                let outputs = description.head.outputs();
                let mut net = Net::build(&description.learner, &description.encoders, outputs, Device::Cpu, None)?;
                net.read(folder)?;
                Box::new(net)
            }
            Method::Module(_) => {
                let (outputs, module) = (description.head.outputs(), Net::module_in(folder)?);
                let (call, encoders) = (&description.learner, &description.encoders);
                Box::new(Net::build(call, encoders, outputs, Device::Cpu, Some(module))?)
            }
        };
        Ok(Model { description, body })
    }

    /// Writes the model into a folder.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), TrainError> {
        let fail = |reason: String| TrainError::Artefact { path: folder.to_path_buf(), reason };
        let text = serde_json::to_string_pretty(&self.description).map_err(|error| fail(error.to_string()))?;
        fs::write(folder.join("model.json"), text + "\n").map_err(|error| fail(error.to_string()))?;
        self.body.save(folder)
    }

    /// The predictions of the rows, one after the other; what each is made of [`Model::answer`] says.
    ///
    /// # Errors
    /// An input is missing among the examples' columns, or has an unusable type.
    pub fn predict(&self, examples: &Examples, rows: &[usize]) -> Result<Vec<f64>, TrainError> {
        let encoded = self.encoders().encode(examples, rows)?;
        self.predict_encoded(&encoded)
    }

    pub(crate) fn predict_encoded(&self, rows: &Encoded) -> Result<Vec<f64>, TrainError> {
        let mut predictions = self.uncalibrated(rows)?;
        if let Some(calibration) = &self.description.calibration {
            predictions.iter_mut().for_each(|prediction| *prediction = calibration.changed(*prediction));
        }
        Ok(predictions)
    }

    /// Predictions before they are put right.
    pub(crate) fn uncalibrated(&self, rows: &Encoded) -> Result<Vec<f64>, TrainError> {
        let mut predictions = Vec::new();
        self.outputs(rows, |_, outputs| {
            predictions.extend(self.head().predictions(&outputs)?);
            Ok(())
        })?;
        Ok(predictions)
    }

    /// Gives the outputs of rows to `take`, some at a time, each time with the place of the first of them.
    pub(crate) fn outputs(
        &self,
        rows: &Encoded,
        mut take: impl FnMut(i64, Tensor) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        let total = rows.rows();
        let mut start = 0;
        while start < total {
            let length = CHUNK.min(total - start);
            let outputs: Tensor = tch::no_grad(|| self.body.outputs(&rows.narrow(start, length)))?;
            take(start, outputs)?;
            start += length;
        }
        Ok(())
    }
}

fn no_network() -> TrainError {
    TrainError::Unsupported("this learner is no network".to_owned())
}
