//! Adam with decoupled weight decay (Loshchilov and Hutter, 2019).

use mlsys_plan::Call;
use tch::Tensor;

use super::Optimizer;
use super::moments::{Decay, Moments};

pub(super) fn build(call: &Call, weights: &Tensor) -> Box<dyn Optimizer> {
    let decay = Decay::OfWeights(call.float("weight_decay").unwrap_or(0.01));
    Box::new(Moments::new(call, weights, decay))
}
