//! Learners, one file each, registered in [`LEARNERS`].

mod autoencoder;
mod dcn;
mod debiased;
mod dense;
mod factorization_machine;
mod gru;
mod inputs;
mod linear;
mod mlp;
mod sequence;
pub(crate) mod torchscript;
mod transformer;
mod trees;
pub(crate) mod two_tower;
mod wide_and_deep;

use std::path::Path as FilePath;

use mlsys_plan::{Call, Train, Type};
use tch::Tensor;
use tch::nn::Path;

use crate::body::Body;
use crate::chance::Chance;
use crate::data::Data;
use crate::encoders::{Encoded, Encoders, for_networks, for_trees};
use crate::error::TrainError;
use crate::fit::{Fitted, Watch};
use crate::implemented::named;
use crate::module::Module;

/// A network from encoded rows to outputs.
pub(crate) trait Network: Send {
    /// `rows × outputs` numbers, as the model's head has them.
    ///
    /// # Errors
    /// A module of others raised an exception.
    fn forward(&self, rows: &Encoded, chance: &mut Chance) -> Result<Tensor, TrainError>;

    /// What is added to the loss of every step, if something is.
    fn penalty(&self) -> Option<Tensor> {
        None
    }
}

/// What a network is built from.
pub(crate) struct Shape<'a> {
    /// Where its variables are.
    pub(crate) path: Path<'a>,
    /// The learner's arguments.
    pub(crate) call: &'a Call,
    /// What it reads.
    pub(crate) encoders: &'a Encoders,
    /// How many numbers it puts out for a row.
    pub(crate) outputs: usize,
    /// The module that it is, if it is one of PyTorch.
    pub(crate) module: Option<&'a Module>,
}

/// A learner of the language.
pub(crate) struct Learner {
    /// The encoder of an input whose encoder the program does not name, by its type.
    pub(crate) usual: fn(&Type) -> &'static str,
    /// How it learns.
    pub(crate) method: Method,
}

/// Builds a network.
type Build = fn(&Shape<'_>) -> Result<Box<dyn Network>, TrainError>;

/// How a learner learns.
pub(crate) enum Method {
    /// By a network, which is trained step by step.
    Network(Build),
    /// By a network that stands in a file of the project: a module of PyTorch.
    Module(Build),
    /// In its own way.
    Own {
        /// Learns from the training part.
        fit: fn(&Train, &Data, &mut Watch<'_>) -> Result<Fitted, TrainError>,
        /// Reads from a folder what it has left there.
        read: fn(&FilePath) -> Result<Box<dyn Body>, TrainError>,
    },
}

/// Every learner by its name in the language.
pub(crate) const LEARNERS: &[(&str, &Learner)] = &[
    ("autoencoder", &network(autoencoder::build)),
    ("dcn", &network(dcn::build)),
    ("factorization_machine", &network(factorization_machine::build)),
    ("gru", &network(gru::build)),
    ("linear", &network(linear::build)),
    ("mlp", &network(mlp::build)),
    ("torchscript", &Learner { usual: torchscript::usual, method: Method::Module(torchscript::build) }),
    ("transformer", &network(transformer::build)),
    ("trees", &Learner { usual: for_trees, method: Method::Own { fit: trees::fit, read: trees::read } }),
    ("two_tower", &network(two_tower::build)),
    ("wide_and_deep", &network(wide_and_deep::build)),
];

/// A learner that trains a network.
const fn network(build: Build) -> Learner {
    Learner { usual: for_networks, method: Method::Network(build) }
}

/// The network of a learner that has one.
pub(crate) fn build(shape: &Shape<'_>) -> Result<Box<dyn Network>, TrainError> {
    match &learner(shape.call)?.method {
        Method::Network(build) | Method::Module(build) => debiased::debiased(build(shape)?, shape),
        Method::Own { .. } => Err(TrainError::Unsupported(format!("`{}` is no network", shape.call.name))),
    }
}

/// Learns from the training part. The same arguments, seed included, give the same model.
pub(crate) fn fit(train: &Train, data: &Data, watch: &mut Watch<'_>) -> Result<Fitted, TrainError> {
    match &learner(&train.learner)?.method {
        Method::Network(_) | Method::Module(_) => crate::fit::fit(train, data, watch),
        Method::Own { fit, .. } => fit(train, data, watch),
    }
}

/// The learner of a `learn` clause.
pub(crate) fn learner(call: &Call) -> Result<&'static Learner, TrainError> {
    named("learner", LEARNERS, call)
}

/// An argument that is a count.
fn counted(call: &Call, name: &str, default: usize) -> usize {
    call.count(name).filter(|count| *count > 0).unwrap_or(default)
}
