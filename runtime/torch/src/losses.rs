//! What training makes small, one file each, by its name in the language.

mod absolute_error;
mod binary_cross_entropy;
mod cross_entropy;
mod focal;
mod huber;
mod pinball;
mod reconstruction;
mod sampled_softmax;
mod squared_error;
mod weights;

use mlsys_plan::Call;
use tch::Tensor;

pub(crate) use weights::{WEIGHTS, classes, weights_of};

use crate::error::TrainError;
use crate::heads::Head;
use crate::implemented::named;
use crate::labels::Labels;

/// The losses of rows: outputs and targets to one number a row.
pub(crate) type Loss = Box<dyn Fn(&Tensor, &Tensor) -> Result<Tensor, TrainError> + Send + Sync>;

/// What a loss is made ready for.
pub(crate) struct Learnt<'a> {
    pub(crate) head: &'a Head,
    /// The labels of the training part.
    pub(crate) labels: &'a Labels,
}

/// A loss, made ready for the labels of the training part.
type Build = fn(&Call, &Learnt<'_>) -> Result<Loss, TrainError>;

/// Every loss by its name in the language.
pub(crate) const LOSSES: &[(&str, Build)] = &[
    ("absolute_error", absolute_error::build),
    ("binary_cross_entropy", binary_cross_entropy::build),
    ("cross_entropy", cross_entropy::build),
    ("focal", focal::build),
    ("huber", huber::build),
    ("pinball", pinball::build),
    ("reconstruction", reconstruction::build),
    ("sampled_softmax", sampled_softmax::build),
    ("squared_error", squared_error::build),
];

/// The loss of a `train` block, the task's usual one if it names none.
pub(crate) fn build(call: Option<&Call>, learnt: &Learnt<'_>) -> Result<Loss, TrainError> {
    let usual = learnt.head.usual_loss();
    let call = call.unwrap_or(&usual);
    named("loss", LOSSES, call)?(call, learnt)
}

#[cfg(test)]
mod tests;
