//! Adam (Kingma and Ba, 2015); a weight decay is a part of the gradient.

use mlsys_plan::Call;
use tch::Tensor;

use super::Optimizer;
use super::moments::{Decay, Moments};

pub(super) fn build(call: &Call, weights: &Tensor) -> Box<dyn Optimizer> {
    let decay = Decay::OfGradient(call.float("weight_decay").unwrap_or(0.0));
    Box::new(Moments::new(call, weights, decay))
}
