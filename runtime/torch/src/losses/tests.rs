//! Losses against their formulas, computed by hand.

use std::collections::BTreeMap;

use mlsys_plan::{Call, Value};
use tch::{Kind, Tensor};

use super::{Learnt, build};
use crate::heads::Head;
use crate::labels::Labels;

fn call(name: &str, args: &[(&str, Value)]) -> Call {
    let args: BTreeMap<String, Value> = args.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Call { name: name.to_owned(), args }
}

fn losses(call: &Call, head: &Head, labels: &Labels, outputs: &Tensor, targets: &Tensor) -> Vec<f64> {
    let loss = build(Some(call), &Learnt { head, labels }).unwrap();
    Vec::<f64>::try_from(loss(outputs, targets).unwrap().to_kind(Kind::Double)).unwrap()
}

fn close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    }
}

fn truths() -> Labels {
    Labels::Truths(vec![true, false, false, false])
}

/// `-(w y log p + (1 - y) log(1 - p))` with three negatives for one positive.
#[test]
fn a_balanced_loss_weighs_positives_by_negatives_per_positive() {
    let call = call("binary_cross_entropy", &[("positive_weight", Value::Call(call("balanced", &[])))]);
    let (outputs, targets) = (Tensor::from_slice(&[0.5_f32, -1.0]).view([2, 1]), Tensor::from_slice(&[1.0_f32, 0.0]));
    let found = losses(&call, &Head::Binary, &truths(), &outputs, &targets);
    close(&found, &[3.0 * (1.0 + (-0.5_f64).exp()).ln(), (1.0 + (-1.0_f64).exp()).ln()]);
}

#[test]
fn a_focal_loss_counts_easy_examples_less() {
    let call = call("focal", &[("gamma", Value::Float(2.0)), ("alpha", Value::Float(0.25))]);
    let (outputs, targets) = (Tensor::from_slice(&[0.5_f32, 0.5]).view([2, 1]), Tensor::from_slice(&[1.0_f32, 0.0]));
    let right = 1.0 / (1.0 + (-0.5_f64).exp());
    let found = losses(&call, &Head::Binary, &truths(), &outputs, &targets);
    close(&found, &[-0.25 * (1.0 - right).powi(2) * right.ln(), -0.75 * right.powi(2) * (1.0 - right).ln()]);
}

#[test]
fn rare_classes_count_as_much_in_all() {
    let labels = Labels::Classes { indices: vec![0, 0, 1, 2, 0, 0], count: 3 };
    let head = Head::Multiclass { classes: vec!["a".to_owned(), "b".to_owned(), "c".to_owned()] };
    let call = call("cross_entropy", &[("weights", Value::Call(call("balanced", &[])))]);
    let outputs = Tensor::from_slice(&[0.0_f32; 6]).view([2, 3]);
    let found = losses(&call, &head, &labels, &outputs, &Tensor::from_slice(&[0_i64, 2]));
    close(&found, &[3.0_f64.ln(), 4.0 * 3.0_f64.ln()]);
}

#[test]
fn huber_is_in_the_unit_of_the_label() {
    let head = Head::Regression { mean: 0.0, deviation: 10.0 };
    let call = call("huber", &[("delta", Value::Float(10.0))]);
    let (outputs, targets) = (Tensor::from_slice(&[0.5_f32, 3.0]).view([2, 1]), Tensor::from_slice(&[0.0_f32, 0.0]));
    close(&losses(&call, &head, &Labels::None(0), &outputs, &targets), &[0.125, 2.5]);
}

#[test]
fn pinball_weighs_what_lies_above_and_below() {
    let head = Head::Quantile { quantiles: vec![0.1, 0.9], mean: 0.0, deviation: 1.0 };
    let call = call("pinball", &[]);
    let outputs = Tensor::from_slice(&[1.0_f32, 1.0]).view([1, 2]);
    let found = losses(&call, &head, &Labels::None(0), &outputs, &Tensor::from_slice(&[2.0_f32]));
    close(&found, &[f64::midpoint(0.1, 0.9)]);
    let found = losses(&call, &head, &Labels::None(0), &outputs, &Tensor::from_slice(&[0.0_f32]));
    close(&found, &[f64::midpoint(0.9, 0.1)]);
}

#[test]
fn a_query_is_held_against_the_candidates_beside_it() {
    let outputs = Tensor::from_slice(&[1.0_f32, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]).view([2, 4]);
    let call = call("sampled_softmax", &[("temperature", Value::Float(0.5))]);
    let found = losses(
        &call,
        &Head::Retrieval,
        &Labels::None(2),
        &outputs,
        &Tensor::zeros([2], (Kind::Float, tch::Device::Cpu)),
    );
    let expected = (1.0 + (-2.0_f64).exp()).ln();
    close(&found, &[expected, expected]);
}
