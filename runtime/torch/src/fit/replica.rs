//! A network that computes gradients: all replicas of a model read the same weights.

use std::sync::Arc;

use mlsys_plan::Call;
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use super::weights::Weights;
use crate::chance::{Chance, FLOAT};
use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;
use crate::learners::{self, Network, Shape};
use crate::losses::Loss;
use crate::module::Module;

/// What gradients are computed with.
pub(crate) struct Replica {
    network: Box<dyn Network>,
    /// The network's variables in the order of the weights.
    variables: Vec<Tensor>,
    weights: Weights,
    loss: Arc<Loss>,
    device: Device,
    kind: Kind,
    /// Holds the variables.
    _store: VarStore,
}

/// What a replica is made from.
pub(crate) struct Original<'a> {
    pub(crate) learner: &'a Call,
    pub(crate) encoders: &'a Encoders,
    pub(crate) outputs: usize,
    pub(crate) weights: &'a Weights,
    pub(crate) loss: &'a Arc<Loss>,
    pub(crate) device: Device,
    pub(crate) kind: Kind,
    /// The module that it is, if it is one of PyTorch: what such a one keeps beside its weights is not replicated.
    pub(crate) module: Option<&'a Module>,
}

/// A share of a step: rows of the training part, and how many the whole step has.
#[derive(Debug)]
pub(crate) struct Share {
    /// Which share of the step it is, from 0.
    pub(crate) number: usize,
    pub(crate) rows: Vec<i64>,
    /// The rows of the whole step.
    pub(crate) of: usize,
    /// The place in training, for chance.
    pub(crate) place: [u64; 3],
}

/// The gradient of a share, as one vector, and the sum of its rows' losses.
pub(crate) struct Slope {
    pub(crate) number: usize,
    pub(crate) gradient: Tensor,
    pub(crate) loss: f64,
}

impl Replica {
    /// A network with the weights of the original; in another type of numbers than theirs it reads `weights` in that type.
    pub(crate) fn of(original: &Original<'_>, weights: &Tensor) -> Result<Self, TrainError> {
        let store = VarStore::new(original.device);
        let shape = Shape {
            path: store.root(),
            call: original.learner,
            encoders: original.encoders,
            outputs: original.outputs,
            module: original.module,
        };
        let network = learners::build(&shape)?;
        let variables = original.weights.put_into(&store, weights)?;
        Ok(Replica {
            network,
            variables,
            weights: original.weights.share(),
            loss: Arc::clone(original.loss),
            device: original.device,
            kind: original.kind,
            _store: store,
        })
    }

    /// The gradient of a share of a step: of the mean loss over the step's rows, and of the penalty.
    pub(crate) fn slope(&self, examples: &Encoded, targets: &Tensor, share: &Share) -> Result<Slope, TrainError> {
        let chosen = Tensor::f_from_slice(&share.rows)?.to_device(targets.device());
        let rows = examples.select(&chosen).to(self.device, self.kind);
        let targets = targets.index_select(0, &chosen).to_device(self.device);
        let mut chance = Chance::at(&[share.place[0], share.place[1], share.place[2], share.number as u64]);
        let outputs = self.network.forward(&rows, &mut chance)?.to_kind(FLOAT);
        let sum = (self.loss)(&outputs, &targets)?.sum(FLOAT);
        #[expect(clippy::cast_precision_loss, reason = "a step is small")]
        let mut mean = &sum / share.of as f64;
        if let Some(penalty) = self.network.penalty().filter(|_| share.number == 0) {
            mean += penalty;
        }
        let gradients = Tensor::f_run_backward(&[mean], &self.variables, false, false)?;
        let gradient = self.weights.gradient(&gradients, self.device)?;
        Ok(Slope { number: share.number, gradient, loss: sum.f_double_value(&[])? })
    }
}
