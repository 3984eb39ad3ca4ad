//! Learners, one file each, registered in [`LEARNERS`].

mod mlp;

use mlsys_plan::Call;
use tch::Tensor;
use tch::nn::Path;

use crate::encoders::{Encoded, Encoders};
use crate::error::TrainError;
use crate::implemented::named;

/// A network from encoded rows to one logit a row.
pub(crate) trait Network {
    /// `rows` logits.
    fn forward(&self, rows: &Encoded, training: bool) -> Tensor;
}

/// Builds a learner's network with variables under a path.
type Build = fn(&Path<'_>, &Call, &Encoders) -> Result<Box<dyn Network>, TrainError>;

/// Every learner by its name in the language.
pub(crate) const LEARNERS: &[(&str, Build)] = &[("mlp", mlp::build)];

/// The network of a `learn` clause.
pub(crate) fn build(path: &Path<'_>, learner: &Call, encoders: &Encoders) -> Result<Box<dyn Network>, TrainError> {
    named("learner", LEARNERS, learner)?(path, learner, encoders)
}

/// A dimension of a tensor.
fn dimension(size: usize) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
